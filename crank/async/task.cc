#include "crank/async/task.h"

#if defined(__wasm__)
#include "crank/async/runtime.h"
#endif
#include "crank/async/trace.h"

namespace crank::detail {

std::coroutine_handle<> finish_frame(PromiseBase& promise) noexcept {
  if (promise.is_root()) {
    TaskRecord& task = *promise.root;
    trace(TraceEvent::task_finished, &task);
#if defined(__wasm__)
    --task.runtime->living_tasks;
#endif
    return task.complete(task, promise);
  }
  TaskRecord& task = *thread_state().task;
  task.resume_point = promise.continuation;
  return transfer(task, *promise.isolation);
}

std::coroutine_handle<> enter_isolated(PromiseBase& callee, std::coroutine_handle<> callee_frame,
                                       ExecutorRef& home) noexcept {
  ThreadState& thread = thread_state();
  ExecutorRef here = thread.turn->executor;
  home = here.is_immediate() ? ExecutorRef::generic() : here;
  TaskRecord& task = *thread.task;
  task.resume_point = callee_frame;
  ExecutorRef target = start_of(std::exchange(callee.isolation, &home), *task.runtime);
  return transfer(task, target);
}

}  // namespace crank::detail
