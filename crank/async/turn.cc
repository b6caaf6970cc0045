#include "crank/async/turn.h"

#include "crank/async/default_actor.h"
#include "crank/async/runtime.h"
#include "crank/async/task_record.h"

namespace crank {
namespace detail {

#if !defined(__wasm__)
constinit thread_local ThreadState the_thread_state{};
#endif

TurnScope::TurnScope(ExecutorRef executor, Runtime* runtime, TaskExecutor* task_executor) noexcept {
  ThreadState& thread = thread_state();
  turn_.executor = executor;
  turn_.runtime = runtime;
  turn_.task_executor = task_executor;
  turn_.outer = thread.turn;
  thread.turn = &turn_;
}

TurnScope::~TurnScope() { thread_state().turn = turn_.outer; }

void run_in_turn(Turn& turn, Job& job) noexcept {
  const ExecutorRef home = turn.executor;
  job.mark.taken();
  job.run(&job);
  unsigned budget = DefaultActor::drain_batch;
  while (turn.executor != home) [[unlikely]] {
    if (DefaultActor* actor = turn.executor.default_actor()) {
      actor->drain(turn, budget);
      if (turn.executor.is_generic()) turn.executor = home;
    } else {
      turn.executor = home;
    }
  }
}

}  // namespace detail

[[gnu::noinline]] ExecutionContext exchange_execution_context(ExecutionContext context) noexcept {
  detail::ThreadState& thread = detail::thread_state();
  ExecutionContext before{thread.task, thread.turn};
  thread.task = context.task;
  thread.turn = context.turn;
  return before;
}

ExecutorRef current_executor() noexcept {
  detail::ThreadState& thread = detail::thread_state();
  if (thread.turn) return thread.turn->executor;
  if (thread.task) return thread.task->executor;
  return ExecutorRef::generic();
}

Runtime* current_runtime() noexcept {
  detail::ThreadState& thread = detail::thread_state();
  if (thread.task) return thread.task->runtime;
  return thread.turn ? thread.turn->runtime : nullptr;
}

void run_job(Job& job, ExecutorRef executor, Runtime& runtime) noexcept {
  detail::TurnScope scope(executor, &runtime);
  detail::run_in_turn(scope.turn(), job);
}

void run_job(Job& job, TaskExecutor& executor, Runtime& runtime) noexcept {
  detail::TurnScope scope(ExecutorRef::generic(), &runtime, runtime.unless_own(&executor));
  detail::run_in_turn(scope.turn(), job);
}

}  // namespace crank
