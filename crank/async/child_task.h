// What groups, async_let, race and timeouts share: a child task of the current one. Internal; users read group.h.
//
// A child is linked to its parent by a cancellation handler that cancels the child, so that cancelling travels down the tree.
#pragma once

#include <coroutine>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/misuse.h"
#include "crank/async/runtime.h"
#include "crank/async/task.h"

namespace crank::detail {

/// The record of a child and its frame. Whoever owns it keeps it until the child has ended.
template <class T>
class ChildTask : public TaskRecord {
 public:
  ChildTask(Task<T>&& body, TaskRecord& from, Complete when_done) noexcept
      : TaskRecord(*from.runtime, when_done), frame_(body.release()) {
    inherit_as_child(from);
    PromiseBase& promise = frame_.promise();
    promise.root = this;
    resume_point = frame_;
    ExecutorRef here = thread_state().turn->executor;
    executor = promise.isolation ? *promise.isolation : here.is_default_actor() || here.is_custom() ? here : ExecutorRef::generic();
  }
  ~ChildTask() {
    if (frame_) frame_.destroy();
  }

  void start() noexcept { enqueue(*runtime, executor, *this); }
  ResultSlot<T>& result() noexcept { return result_; }
  /// At the end of the body: its parameters go now, the result stays.
  void settle() noexcept {
    result_.take_over(frame_.promise().result);
    std::exchange(frame_, nullptr).destroy();
  }

 private:
  std::coroutine_handle<TaskState<T>> frame_;
  ResultSlot<T> result_;
};

inline TaskRecord& current_task_or_misuse(const char* what) noexcept {
  TaskRecord* task = thread_state().task;
  if (!task) misuse(what);
  return *task;
}

/// Awaits a call and keeps its outcome, value or exception, until it is taken.
template <class T>
class Settled : public Awaiter {
 public:
  explicit Settled(Task<T>&& callee) noexcept : frame_(callee.release()) {}
  Settled(const Settled&) = delete;
  ~Settled() { frame_.destroy(); }
  static bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    PromiseBase& callee = frame_.promise();
    callee.continuation = caller;
    if (callee.isolation) [[unlikely]] return enter_isolated(callee, frame_);
    return frame_;
  }
  static void await_resume() noexcept {}
  ResultSlot<T>& result() noexcept { return frame_.promise().result; }

 private:
  std::coroutine_handle<TaskState<T>> frame_;
};

}  // namespace crank::detail
