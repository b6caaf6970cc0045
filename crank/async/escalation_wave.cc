#include "crank/async/escalation_wave.h"

#include "crank/async/cancellation_wave.h"
#include "crank/async/escalation.h"
#include "crank/async/misuse.h"
#include "crank/async/trace.h"

namespace crank {

void TaskRecord::escalate(Priority least) noexcept {
  if (!priority.raise_to(least)) return;
  // Further down a list may be closed by the very wave that runs the handler.
  if (detail::thread_state().running_handlers)
    detail::misuse("a cancellation handler escalated a task: let what it resumes do that");
  EscalationWave(least).run(*this);
  detail::note_escalation();
}

void EscalationWave::run(TaskRecord& task) noexcept {
  raised(task);
  while (CancellationHandler* link = pinned_) {
    pinned_ = link->next_raised_;
    std::uint8_t passes = link->raise_.load(std::memory_order_acquire);
    do {
      least_ = static_cast<Priority>(passes - 1);
      if (link->kind_ == CancellationHandler::Kind::waits)
        raise(static_cast<EscalationLink&>(*link).target_);
      else
        static_cast<SpreadLink&>(*link).raise_children(*this);
      // Unpinned: its owner may end it from here on.
    } while (!link->raise_.compare_exchange_strong(passes, 0, std::memory_order_acq_rel, std::memory_order_acquire));
  }
}

void EscalationWave::raise(TaskRecord& child) noexcept {
  if (child.priority.raise_to(least_)) raised(child);
}

void EscalationWave::raised(TaskRecord& task) noexcept {
  detail::trace(TraceEvent::escalated, &task);
  task.handlers_lock.lock_unbiased();
  for (CancellationHandler* handler = task.handlers.load(std::memory_order_relaxed); handler;
       handler = handler->next_.load(std::memory_order_relaxed))
    if (handler->kind_ != CancellationHandler::Kind::plain) pin(*handler);
  task.handlers_lock.unlock_other();
}

void EscalationWave::pin(CancellationHandler& link) noexcept {
  auto passes = static_cast<std::uint8_t>(static_cast<unsigned>(least_) + 1);
  std::uint8_t seen = link.raise_.load(std::memory_order_relaxed);
  do {
    if (seen >= passes) return;
  } while (!link.raise_.compare_exchange_weak(seen, passes, std::memory_order_acq_rel, std::memory_order_relaxed));
  if (seen != 0) return;  // rule 3
  link.next_raised_ = pinned_;
  pinned_ = &link;
}

}  // namespace crank
