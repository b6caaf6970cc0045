#include "crank/async/task.h"

namespace crank::detail {

std::coroutine_handle<> enter_isolated(PromiseBase& callee, std::coroutine_handle<> callee_frame) noexcept {
  ThreadState& thread = thread_state();
  TaskRecord& task = *thread.task;
  Isolation& call = *callee.isolation;
  ExecutorRef here = thread.turn->executor;
  call.home = here.is_immediate() ? ExecutorRef::generic() : here;
  call.caller = callee.continuation;
  callee.continuation = call.handle();
  callee.where = {};
  task.resume_point = callee_frame;
  return transfer(task, start_of(call, *task.runtime));
}

void Isolation::leave(void* self) {
  auto& call = static_cast<Isolation&>(*static_cast<FrameEnd*>(self));
  TaskRecord& task = *thread_state().task;
  task.resume_point = call.caller;
  [[clang::musttail]] return go_on(transfer(task, call.home).address());
}

}  // namespace crank::detail
