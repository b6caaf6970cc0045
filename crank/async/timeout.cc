#include "crank/async/timeout.h"

namespace crank::detail {

void DeadlineTimer::expire(Timer& timer) noexcept {
  auto& self = static_cast<DeadlineTimer&>(timer);
  trace(TraceEvent::scope_left, self.child_.parent);
  self.child_.cancel();
  self.over_.store(true, std::memory_order_release);
}

bool DeadlineTimer::stop() noexcept {
  if (child_.runtime->timers().remove(*this)) return false;
  // It has fired or is firing: the child's record must not go while its canceller is in it.
  while (!over_.load(std::memory_order_acquire)) wait_a_little();
  return true;
}

}  // namespace crank::detail
