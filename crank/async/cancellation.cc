#include "crank/async/cancellation.h"

namespace crank {

bool CancellationHandler::attach_unusual(TaskRecord& task) noexcept {
  if (task.status.load(std::memory_order_relaxed) & TaskRecord::shielded_bit) return true;
  // Cancelled, and for good: nothing is listed any more. The canceller marks before it takes the lock: either it has seen what
  // is listed, or we have seen the mark.
  if (kind_ != Kind::spreads) run_(*this);
  return false;
}

void CancellationHandler::wait_until_run() noexcept {
  if (state_.load(std::memory_order_acquire) == State::done) return;
  for (detail::RunningHandler* running = detail::thread_state().running_handlers; running; running = running->outer) {
    if (running->handler != this) continue;
    running->gone = true;
    return;
  }
  while (state_.load(std::memory_order_acquire) == State::running) detail::wait_a_little();
}

}  // namespace crank
