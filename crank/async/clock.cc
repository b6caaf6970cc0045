#include "crank/async/clock.h"

#include <ctime>

namespace crank {

Instant suspending_now() noexcept { return std::chrono::steady_clock::now(); }

Instant continuous_now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace crank
