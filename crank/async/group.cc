#include "crank/async/group.h"

#include "crank/async/trace.h"

namespace crank::detail {

const SpreadLink::Operations GroupCore::operations{
    [](SpreadLink& link, EscalationWave& wave) noexcept { static_cast<GroupCore&>(link).raise_children(wave); },
    [](SpreadLink& link, Step step, CancellationWave& wave) noexcept {
      return static_cast<GroupCore&>(link).wave_step(step, wave);
    }};

GroupCore::GroupCore(GroupOptions options, bool cancel_on_failure) noexcept
    : SpreadLink(operations),
      owner_(current_task_or_misuse("a group outside of a task")),
      cancel_on_failure_(cancel_on_failure),
      width_(options.width) {
  if (!attach(owner_)) cancelled_.store(true, std::memory_order_relaxed);
}

GroupCore::~GroupCore() {
  detach();
  if (live_ != 0) misuse("a group's scope ended before its children did");
}

void GroupCore::add(GroupLink& link) noexcept {
  list_lock_.lock_owner();
  link.next_child = first_;
  if (first_) first_->previous_child = &link;
  first_ = &link;
  bool cancel = cancelled_.load(std::memory_order_relaxed);
  list_lock_.unlock_owner();
  ++live_;
  link.priority.raise_to(owner_.priority);  // in the list first: no raise passes by
  if (cancel) link.mark_cancelled();        // it has not begun: no handlers
  if (width_ == 0) [[likely]] {
    newest_ = &link;
    enqueue_task(link);
  } else {
    start_or_hold(link);
  }
}

void GroupCore::start_or_hold(TaskRecord& child) noexcept {
  {
    LockGuard guard(width_lock_);
    if (running_ == width_) return held_back_.push(child);
    ++running_;
  }
  enqueue_task(child);
}

void GroupCore::remove(GroupLink& link) noexcept {
  list_lock_.lock_owner();
  (link.previous_child ? link.previous_child->next_child : first_) = link.next_child;
  if (link.next_child) link.next_child->previous_child = link.previous_child;
  list_lock_.unlock_owner();
  --live_;
}

GroupLink* GroupCore::take_finished() noexcept {
  GroupLink* link = handed_;
  if (link) {
    handed_ = nullptr;
  } else {
    if (!finished_) {
      if (done_.load(std::memory_order_relaxed) == 0) return nullptr;
      auto* newest = reinterpret_cast<Job*>(done_.exchange(0, std::memory_order_acquire));
      while (newest) {
        Job* older = newest->next;
        newest->next = finished_;
        finished_ = newest;
        newest = older;
      }
    }
    link = static_cast<GroupLink*>(finished_);
    finished_ = link->next;
  }
  if (link == newest_) newest_ = nullptr;
  remove(*link);
  return link;
}

std::coroutine_handle<> GroupCore::suspend_owner(std::coroutine_handle<> here) noexcept {
  // The newest child runs on this thread at once if it has not begun: no way through the queue. Taken out of the queue before
  // the owner may be resumed elsewhere, when this group is no longer ours to read.
  GroupLink* next = nullptr;
  if (newest_ && take_back(*newest_)) {
    next = newest_;
    newest_ = next->next_child;
  } else {
    newest_ = nullptr;
  }
  suspend_current(here);
  const bool traced = tracing();
  if (traced) [[unlikely]]
    report(TraceEvent::suspended, &owner_, {}, owner_.executor);
  std::uintptr_t none = 0;
  if (done_.compare_exchange_strong(none, waiting, std::memory_order_acq_rel, std::memory_order_acquire))
    return next ? transfer(*next, next->executor, traced) : nothing_to_resume();
  unsuspend(owner_);
  if (next) enqueue_task(*next);
  return here;
}

CRANK_COLD void GroupCore::start_next() noexcept {
  Job* next;
  {
    LockGuard guard(width_lock_);
    next = held_back_.pop();
    if (!next) --running_;
  }
  if (next) enqueue_task(*static_cast<TaskRecord*>(next));
}

std::coroutine_handle<> GroupCore::finished(GroupLink& link, bool traced) noexcept {
  thread_state().task = nullptr;
  if (width_ != 0) [[unlikely]]
    start_next();
  TaskRecord& owner = owner_;
  std::uintptr_t word = done_.load(std::memory_order_relaxed);
  for (;;) {
    bool resume = word == waiting;
    link.next = resume ? nullptr : reinterpret_cast<Job*>(word);
    if (done_.compare_exchange_weak(word, resume ? 0 : reinterpret_cast<std::uintptr_t>(static_cast<Job*>(&link)),
                                    std::memory_order_acq_rel, std::memory_order_relaxed)) {
      if (!resume) return nothing_to_resume();
      handed_ = &link;  // the mark was ours to take, so the owner sleeps until we resume it
      return transfer(owner, owner.executor, traced);
    }
  }
}

void GroupCore::raise_children(EscalationWave& wave) noexcept {
  list_lock_.lock_unbiased();
  for (GroupLink* link = first_; link; link = link->next_child) wave.raise(*link);
  list_lock_.unlock_other();
}

void GroupCore::cancel_children() noexcept {
  CancellationWave wave;
  wave.add(*this);
  wave.run();
}

bool GroupCore::wave_step(Step step, CancellationWave& wave) noexcept {
  switch (step) {
    case Step::begin: return !cancelled_.exchange(true, std::memory_order_acq_rel);
    case Step::try_close: return list_lock_.try_announce();
    case Step::close: list_lock_.announce(); return true;
    case Step::mark: {
      list_lock_.enter();
      bool any = false;
      for (GroupLink* link = first_; link; link = link->next_child) any |= link->mark_cancelled(TaskRecord::marked_bit);
      return any;
    }
    case Step::run:
      for (GroupLink* link = first_; link; link = link->next_child) {
        if (!(link->status.load(std::memory_order_relaxed) & TaskRecord::marked_bit)) continue;
        link->status.fetch_and(~TaskRecord::marked_bit, std::memory_order_relaxed);
        link->run_handlers(wave);
      }
      list_lock_.unlock_other();
      return true;
  }
  return false;
}

}  // namespace crank::detail
