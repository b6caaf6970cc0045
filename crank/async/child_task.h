// What groups, async_let, race and timeouts share: a child task of the current one. Internal; users read group.h.
//
// A child hangs on its parent by a SpreadLink: its own (a let), or its group's. Along it travel cancellation and raised
// priorities (cancellation_wave.h, escalation_wave.h).
#pragma once

#include <coroutine>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/misuse.h"
#include "crank/async/runtime.h"
#include "crank/async/task.h"
#include "crank/async/worker_queues.h"

namespace crank::detail {

/// The record of a child and its frame. Whoever owns it keeps it until the child has ended.
template <class T, class Base = TaskRecord>
class ChildTask : public Base {
 public:
  using Base::executor, Base::inherit_as_child, Base::resume_point, Base::runtime;
  using Complete = TaskRecord::Complete;
  ChildTask(Task<T>&& body, TaskRecord& from, Complete when_done) noexcept : Base(*from.runtime, when_done) {
    inherit_as_child(from);
    std::coroutine_handle<TaskState<T>> frame = body.release();
    PromiseBase& promise = frame.promise();
    resume_point = frame;
    ExecutorRef here = thread_state().turn->executor;
    executor = promise.isolation     ? start_of(promise.isolation, *runtime)
               : here.is_immediate() ? ExecutorRef::generic()
                                     : here;
    promise.make_root(*this);
  }

  void start() noexcept { enqueue_task(*this); }
  ResultSlot<T>& result() noexcept { return result_; }
  /// At the end of the body: its parameters go now, the result stays.
  void settle(PromiseBase& root) noexcept {
    auto& promise = static_cast<TaskState<T>&>(root);
    result_.take_over(promise.result);
    std::coroutine_handle<TaskState<T>>::from_promise(promise).destroy();
  }

 private:
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
    if (callee.isolation) [[unlikely]]
      return enter_isolated(callee, frame_, home_);
    return frame_;
  }
  static void await_resume() noexcept {}
  ResultSlot<T>& result() noexcept { return frame_.promise().result; }

 private:
  std::coroutine_handle<TaskState<T>> frame_;
  ExecutorRef home_;
};

}  // namespace crank::detail
