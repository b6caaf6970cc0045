#include "crank/async/cancellation.h"

#include "crank/async/escalation.h"
#include "crank/async/misuse.h"
#include "crank/async/trace.h"

namespace crank {

bool CancellationHandler::attach(TaskRecord& task) noexcept {
  std::uint32_t status = task.status.load(std::memory_order_relaxed);
  if (status & TaskRecord::shielded_bit) return true;
  task.handlers_lock.lock_owner();
  // The canceller sets the bit before it takes the lock: either we see the bit, or it sees us.
  if (!(task.status.load(std::memory_order_relaxed) & TaskRecord::cancelled_bit)) [[likely]] {
    task_ = &task;
    next_ = task.handlers;
    link_ = &task.handlers;
    if (next_) next_->link_ = &next_;
    task.handlers = this;
    state_.store(State::listed, std::memory_order_relaxed);
    task.handlers_lock.unlock_owner();
    return true;
  }
  task.handlers_lock.unlock_owner();
  run_(*this);
  return false;
}

void CancellationHandler::detach() noexcept {
  if (!task_) return;
  detail::BiasedLock& lock = task_->handlers_lock;
  task_ = nullptr;
  lock.lock_owner();
  bool listed = state_.load(std::memory_order_relaxed) == State::listed;
  if (listed) [[likely]] {
    *link_ = next_;
    if (next_) next_->link_ = link_;
    state_.store(State::idle, std::memory_order_relaxed);
  }
  lock.unlock_owner();
  if (listed) [[likely]]
    return;
  if (state_.load(std::memory_order_acquire) == State::done) return;
  for (detail::RunningHandler* running = detail::thread_state().running_handlers; running; running = running->outer) {
    if (running->handler != this) continue;
    running->gone = true;
    return;
  }
  while (state_.load(std::memory_order_acquire) == State::running) detail::wait_a_little();
}

void TaskRecord::cancel() noexcept {
  if (status.fetch_or(cancelled_bit, std::memory_order_acq_rel) & cancelled_bit) return;
  detail::trace(TraceEvent::cancelled, this);
  // One at a time and without the lock while it runs: a handler may detach others, or end itself.
  for (;;) {
    handlers_lock.lock_other();
    CancellationHandler* handler = handlers;
    if (handler) {
      handlers = handler->next_;
      if (handlers) handlers->link_ = &handlers;
      handler->state_.store(CancellationHandler::State::running, std::memory_order_relaxed);
    }
    // Whoever attaches from now on sees the bit: an empty list stays empty.
    bool last = handlers == nullptr;
    handlers_lock.unlock_other();
    if (!handler) return;
    detail::RunningHandler*& innermost = detail::thread_state().running_handlers;
    detail::RunningHandler running{handler, innermost};
    innermost = &running;
    handler->run_(*handler);
    innermost = running.outer;
    if (!running.gone) handler->state_.store(CancellationHandler::State::done, std::memory_order_release);
    if (last) return;
  }
}

void TaskRecord::escalate(Priority least) noexcept {
  if (static_cast<Priority>(priority) >= least) return;
  priority = least;
  detail::note_escalation();
  detail::trace(TraceEvent::escalated, this);
  handlers_lock.lock_other();
  for (CancellationHandler* handler = handlers; handler; handler = handler->next_) {
    if (!handler->escalates_) continue;
    auto& link = static_cast<EscalationLink&>(*handler);
    link.escalate_(link, least);
  }
  handlers_lock.unlock_other();
}

}  // namespace crank
