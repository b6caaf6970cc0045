#include "crank/async/cancellation.h"

namespace crank {

bool CancellationHandler::attach_unusual(TaskRecord& task) noexcept {
  bool shielded = (task.status.load(std::memory_order_relaxed) & TaskRecord::shielded_bit) != 0;
  if (kind_ != Kind::plain) {
    lock(task);
    list(task, State::done);
    task.handlers_lock.unlock_owner();
  }
  if (shielded) return true;
  // Cancelled, and for good. The canceller marks before it takes the lock: either it has seen what is listed to be run, or we
  // have seen the mark.
  if (kind_ == Kind::plain) run_(*this);
  return false;
}

void CancellationHandler::detach_touched(TaskRecord& task) noexcept {
  if (link_) unlink();
  task.handlers_lock.unlock_owner();
  while (raise_.load(std::memory_order_acquire) != 0) detail::wait_a_little();
  if (state_.load(std::memory_order_acquire) != State::running) return;
  for (detail::RunningHandler* running = detail::thread_state().running_handlers; running; running = running->outer) {
    if (running->handler != this) continue;
    running->gone = true;
    return;
  }
  while (state_.load(std::memory_order_acquire) == State::running) detail::wait_a_little();
}

}  // namespace crank
