#include "crank/async/clock.h"

#include <ctime>

namespace crank {

Instant suspending_now() noexcept { return std::chrono::steady_clock::now(); }

Instant continuous_now() noexcept {
#if defined(CLOCK_BOOTTIME)
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
#else
  return suspending_now();  // a wasm32 guest knows one clock, its host's
#endif
}

}  // namespace crank
