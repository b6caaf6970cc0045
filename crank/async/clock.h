// Three clocks, two of them by the names Swift gives them. A runtime sleeps by its own (runtime.h): a pool's and an event
// loop's is the suspending one, a manual executor's is virtual. The continuous one is another type, so that the two are
// not mixed by mistake.
//
//     co_await crank::sleep_for(10min);                               // suspending: stands still while the machine is asleep
//     co_await crank::sleep_until(crank::continuous_now() + 10min);   // continuous: ten minutes as a person means them
#pragma once

#include "crank/async/task.h"
#include "crank/async/timer_queue.h"

namespace crank {

enum class [[nodiscard("a sleep may have been cut short by cancellation")]] SleepOutcome : unsigned char;

/// Goes on while the machine is asleep. Its origin is not the suspending clock's.
struct ContinuousClock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<ContinuousClock, Duration>;
  static constexpr bool is_steady = true;
  /// Of the current runtime; outside of one, the machine's.
  static time_point now() noexcept;
};
using ContinuousInstant = ContinuousClock::time_point;

/// Stands still while the machine is asleep: for timeouts and for measuring work. The machine's; the same as
/// std::chrono::steady_clock. What a runtime sleeps by is `runtime.now()`.
Instant suspending_now() noexcept;
inline ContinuousInstant continuous_now() noexcept { return ContinuousClock::now(); }

/// Suspends until the instant, with a tolerance up to that much later (sleep.h), and up to a second later when the
/// machine was asleep meanwhile: timers run on the suspending clock, so a sleeper looks once a second. Cancelling ends
/// it at once.
[[nodiscard("a sleep may have been cut short by cancellation")]] Task<SleepOutcome> sleep_until(
    ContinuousInstant when, Duration tolerance = {});

}  // namespace crank
