#include "crank/async/group.h"

#include "crank/async/trace.h"

namespace crank::detail {

GroupCore::GroupCore(GroupOptions options, bool cancel_on_failure) noexcept
    : CancellationHandler([](CancellationHandler& self) noexcept { static_cast<GroupCore&>(self).cancel_children(); }),
      owner_(current_task_or_misuse("a group outside of a task")),
      cancel_on_failure_(cancel_on_failure),
      width_(options.width) {
  attach(owner_);
}

GroupCore::~GroupCore() {
  detach();
  if (live_ != 0) misuse("a group's scope ended before its children did");
}

void GroupCore::add(GroupLink& link) noexcept {
  list_lock_.lock_owner();
  link.next = first_;
  if (first_) first_->previous = &link;
  first_ = &link;
  bool cancel = cancelled_.load(std::memory_order_relaxed);
  list_lock_.unlock_owner();
  ++live_;
  if (cancel) link.task->cancel();
  if (width_ == 0) [[likely]] enqueue(*link.task->runtime, link.task->executor, *link.task);
  else start_or_hold(*link.task);
}

void GroupCore::start_or_hold(TaskRecord& child) noexcept {
  {
    LockGuard guard(width_lock_);
    if (running_ == width_) return held_back_.push(child);
    ++running_;
  }
  enqueue(*child.runtime, child.executor, child);
}

void GroupCore::remove(GroupLink& link) noexcept {
  list_lock_.lock_owner();
  if (link.previous) link.previous->next = link.next; else first_ = link.next;
  if (link.next) link.next->previous = link.previous;
  list_lock_.unlock_owner();
  --live_;
}

GroupLink* GroupCore::take_finished() noexcept {
  if (!finished_) {
    std::uintptr_t word = done_.load(std::memory_order_relaxed);
    if (word == 0) return nullptr;
    auto* newest = reinterpret_cast<GroupLink*>(done_.exchange(0, std::memory_order_acquire));
    while (newest) {
      GroupLink* older = newest->next_done;
      newest->next_done = finished_;
      finished_ = newest;
      newest = older;
    }
  }
  GroupLink* link = finished_;
  finished_ = link->next_done;
  remove(*link);
  return link;
}

bool GroupCore::suspend_owner(std::coroutine_handle<> here) noexcept {
  suspend_current(here);
  std::uintptr_t none = 0;
  if (done_.compare_exchange_strong(none, waiting, std::memory_order_acq_rel, std::memory_order_acquire)) return true;
  unsuspend(owner_);
  return false;
}

std::coroutine_handle<> GroupCore::finished(GroupLink& link) noexcept {
  thread_state().task = nullptr;
  if (width_ != 0) {
    Job* next;
    {
      LockGuard guard(width_lock_);
      next = held_back_.pop();
      if (!next) --running_;
    }
    if (next) enqueue(*static_cast<TaskRecord*>(next)->runtime, static_cast<TaskRecord*>(next)->executor, *next);
  }
  std::uintptr_t word = done_.load(std::memory_order_relaxed);
  for (;;) {
    link.next_done = word == waiting ? nullptr : reinterpret_cast<GroupLink*>(word);
    TaskRecord& owner = owner_;
    if (done_.compare_exchange_weak(word, reinterpret_cast<std::uintptr_t>(&link), std::memory_order_acq_rel,
                                    std::memory_order_relaxed)) {
      if (word != waiting) return nothing_to_resume();
      return transfer(owner, owner.executor);
    }
  }
}

void GroupCore::cancel_children() noexcept {
  if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  list_lock_.lock_other();
  for (GroupLink* link = first_; link; link = link->next) link->task->cancel();
  list_lock_.unlock_other();
}

}  // namespace crank::detail
