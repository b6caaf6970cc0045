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
  ChildTask(Task<T>&& body, TaskRecord& from, FrameEnd::Resume at_end) noexcept
      : ChildTask(body.release(), from, at_end) {}

  void start() noexcept { enqueue_task(*this); }
  ResultSlot<T>& result() noexcept { return result_; }

 private:
  ChildTask(std::coroutine_handle<TaskState<T>> frame, TaskRecord& from, FrameEnd::Resume at_end) noexcept
      : Base(*from.runtime, at_end), result_(frame) {
    inherit_as_child(from);
    PromiseBase& promise = frame.promise();
    resume_point = frame;
    ExecutorRef here = thread_state().turn->executor;
    executor = promise.isolation     ? start_of(*promise.isolation, *runtime)
               : here.is_immediate() ? ExecutorRef::generic()
                                     : here;
    promise.make_root(*this);
    trace(TraceEvent::task_created, this);
  }

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
  ~Settled() {
    frame_.promise().result.drop_exception();
    frame_.destroy();
  }
  static bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept { return begin_call(frame_, caller); }
  static void await_resume() noexcept {}
  OutcomeSlot<T>& result() noexcept { return frame_.promise().result; }

 private:
  std::coroutine_handle<TaskState<T>> frame_;
};

}  // namespace crank::detail
