#include "crank/async/task.h"

#if defined(__wasm__)
#include "crank/async/runtime.h"
#endif
#include "crank/async/trace.h"

namespace crank::detail {

std::coroutine_handle<> finish_frame(PromiseBase& promise) noexcept {
  if (TaskRecord* task = promise.root) {
    trace(TraceEvent::task_finished, task);
#if defined(__wasm__)
    --task->runtime->living_tasks;
#endif
    return task->complete(*task);
  }
  TaskRecord& task = *thread_state().task;
  task.resume_point = promise.continuation;
  return transfer(task, promise.home);
}

std::coroutine_handle<> enter_isolated(PromiseBase& callee, std::coroutine_handle<> callee_frame) noexcept {
  ThreadState& thread = thread_state();
  ExecutorRef here = thread.turn->executor;
  callee.home = here.is_immediate() ? ExecutorRef::generic() : here;
  TaskRecord& task = *thread.task;
  task.resume_point = callee_frame;
  return transfer(task, *callee.isolation);
}

}  // namespace crank::detail
