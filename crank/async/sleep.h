// Sleeping on the runtime's clock: virtual on a manual executor. Cancelling the task ends a sleep at once and takes its timer
// out of the queue.
#pragma once

#include <coroutine>

#include "crank/async/cancellation.h"
#include "crank/async/promise.h"
#include "crank/async/runtime.h"

namespace crank {

enum class [[nodiscard("a sleep may have been cut short by cancellation")]] SleepOutcome : unsigned char {
  elapsed,   ///< its time is over
  cancelled  ///< the task was cancelled, before or meanwhile: it ended at once
};

namespace detail {

// State: sleeping -> fired (by the timer) or cut (by cancellation); the first to change it resumes the task.
class SleepAwaiter : public Awaiter, private Timer, private CancellationHandler {
 public:
  SleepAwaiter(Instant when, Duration tolerance) noexcept
      : Timer(on_fire), CancellationHandler(on_cancelled), when_(when), tolerance_(tolerance) {}

  bool await_ready() noexcept;
  bool await_suspend(std::coroutine_handle<> here) noexcept;
  SleepOutcome await_resume() noexcept;

 private:
  static void on_fire(Timer& timer) noexcept;
  static void on_cancelled(CancellationHandler& handler) noexcept;

  Instant when_;
  Duration tolerance_;
  enum class State : unsigned char { arming, asleep, over };
  std::atomic<State> state_{State::arming};
  bool cut_ = false;
};

}  // namespace detail

/// Suspends until the instant. With a tolerance: until up to that much later, together with another timer if one falls in
/// between, else at the end.
inline detail::SleepAwaiter sleep_until(Instant when, Duration tolerance = {}) noexcept {
  return detail::SleepAwaiter(when, tolerance);
}
/// Suspends for that long from now.
detail::SleepAwaiter sleep_for(Duration duration, Duration tolerance = {}) noexcept;

}  // namespace crank
