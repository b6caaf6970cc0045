#include "crank/async/task_switch.h"

#include "crank/async/default_actor.h"
#include "crank/async/runtime.h"
#include "crank/async/task_record.h"

namespace crank {

namespace detail {
namespace {

// The thread serves another runtime than the task's: generic code of the task has no business there, and what the
// thread could be handed to would take it away from its own. Serial executors may be shared by tasks of several
// runtimes (global actors).
bool foreign(const Turn& turn, const TaskRecord& task) noexcept {
#if defined(__wasm__)
  return false;  // one thread, turned for all runtimes of the guest
#else
  return turn.runtime != task.runtime;
#endif
}

// Tries to go to `target` with this thread. The lock of the destination is only tried; what is left is released last, so
// that a failure leaves everything as it was.
TraceEvent try_hand_off(Turn& turn, const TaskRecord& task, ExecutorRef target) noexcept {
  ExecutorRef here = turn.executor;
  if (task.preference || turn.task_executor) return TraceEvent::enqueue_preference;
  if (!here.is_generic() && !here.is_default_actor()) return TraceEvent::enqueue_no_give_up;
  if (turn.yield_requested) return TraceEvent::enqueue_yield;
  if (foreign(turn, task)) return TraceEvent::enqueue_foreign;
  if (!target.is_generic() && !target.is_default_actor()) return TraceEvent::enqueue_custom;
  DefaultActor* leaving = here.default_actor();
  if (leaving && leaving->has_waiting()) return TraceEvent::enqueue_batch;
  if (DefaultActor* actor = target.default_actor(); actor && !actor->try_hold()) return TraceEvent::enqueue_busy;
  if (leaving) leaving->release();
  turn.executor = target;
  return TraceEvent::hand_off;
}

}  // namespace

std::coroutine_handle<> transfer_elsewhere(TaskRecord& task, ExecutorRef target) noexcept {
  ThreadState& thread = thread_state();
  Turn& turn = *thread.turn;
  ExecutorRef here = turn.executor;
  TraceEvent decision = may_stay(turn, task, target) ? TraceEvent::stay_inline : try_hand_off(turn, task, target);
  trace(decision, &task, here, target);
  if (decision == TraceEvent::stay_inline || decision == TraceEvent::hand_off) {
    thread.task = &task;
    return task.resume_point;
  }
  thread.task = nullptr;
  task.executor = target;
  enqueue(*task.runtime, target, task);
  return nothing_to_resume();
}

}  // namespace detail
}  // namespace crank
