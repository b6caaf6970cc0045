#include "crank/async/cancellation.h"

#include "crank/async/misuse.h"
#include "crank/async/trace.h"

#if !defined(__wasm__)
#include <thread>
#endif

namespace crank {

bool CancellationHandler::attach(TaskRecord& task) noexcept {
  std::uint32_t status = task.status.load(std::memory_order_relaxed);
  if (status & TaskRecord::shielded_bit) return true;
  {
    detail::LockGuard guard(task.handlers_lock);
    // The canceller sets the bit before it takes the lock: either we see the bit, or it sees us.
    if (!(task.status.load(std::memory_order_relaxed) & TaskRecord::cancelled_bit)) {
      task_ = &task;
      next_ = task.handlers;
      link_ = &task.handlers;
      if (next_) next_->link_ = &next_;
      task.handlers = this;
      state_.store(State::listed, std::memory_order_relaxed);
      return true;
    }
  }
  run_(*this);
  return false;
}

void CancellationHandler::detach() noexcept {
  if (!task_) return;
  {
    detail::LockGuard guard(task_->handlers_lock);
    if (state_.load(std::memory_order_relaxed) == State::listed) {
      *link_ = next_;
      if (next_) next_->link_ = link_;
      state_.store(State::idle, std::memory_order_relaxed);
      task_ = nullptr;
      return;
    }
  }
  task_ = nullptr;
  if (state_.load(std::memory_order_acquire) == State::done) return;
  if (runner_ == &detail::thread_state()) {
    if (gone_) *gone_ = true;
    return;
  }
#if !defined(__wasm__)
  while (state_.load(std::memory_order_acquire) == State::running) std::this_thread::yield();
#endif
}

void TaskRecord::cancel() noexcept {
  if (status.fetch_or(cancelled_bit, std::memory_order_acq_rel) & cancelled_bit) return;
  detail::trace(TraceEvent::cancelled, this);
  // One at a time and without the lock while it runs: a handler may detach others, or end itself.
  for (;;) {
    bool gone = false;
    CancellationHandler* handler;
    {
      detail::LockGuard guard(handlers_lock);
      handler = handlers;
      if (!handler) return;
      handlers = handler->next_;
      if (handlers) handlers->link_ = &handlers;
      handler->runner_ = &detail::thread_state();
      handler->gone_ = &gone;
      handler->state_.store(CancellationHandler::State::running, std::memory_order_relaxed);
    }
    handler->run_(*handler);
    if (!gone) handler->state_.store(CancellationHandler::State::done, std::memory_order_release);
  }
}

}  // namespace crank
