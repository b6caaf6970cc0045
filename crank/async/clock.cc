#include "crank/async/clock.h"

#include <algorithm>
#include <ctime>

#include "crank/async/runtime.h"
#include "crank/async/sleep.h"

namespace crank {

Instant suspending_now() noexcept { return std::chrono::steady_clock::now(); }

ContinuousInstant ContinuousClock::now() noexcept {
  if (Runtime* runtime = current_runtime()) return ContinuousInstant(runtime->continuous_since_origin());
  return ContinuousInstant(detail::machine_continuous_time());
}

Duration detail::machine_continuous_time() noexcept {
#if defined(CLOCK_BOOTTIME)
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
#else
  return suspending_now().time_since_epoch();  // a wasm32 guest knows one clock, its host's
#endif
}

Task<SleepOutcome> sleep_until(ContinuousInstant when, Duration tolerance) {
  constexpr Duration look = std::chrono::seconds(1);
  for (;;) {
    Duration left = when - continuous_now();
    if (left <= Duration::zero()) co_return SleepOutcome::elapsed;
    // Sleepers that only look share their wake-ups.
    SleepOutcome outcome =
        left > look ? co_await sleep_for(look * 3 / 4, look / 4) : co_await sleep_for(left, tolerance);
    if (outcome == SleepOutcome::cancelled) co_return outcome;
  }
}

}  // namespace crank
