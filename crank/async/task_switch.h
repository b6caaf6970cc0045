// The decisions of an await (R3, R4): stay, hand the thread over, or enqueue.
#pragma once

#include <coroutine>

#include "crank/async/executor.h"
#include "crank/async/task_record.h"
#include "crank/async/trace.h"
#include "crank/async/turn.h"

namespace crank {

/// Whether code on `current` must be switched to run on `next`: identities differ (complex equality may say they are one
/// context), or the task executor changes. A null task executor is the default one: no task and no turn names its
/// runtime's own pool.
[[gnu::always_inline]] inline bool must_switch(const ExecutorRef& current, ExecutorRef next,
                                               TaskExecutor* const& current_task_executor,
                                               TaskExecutor* const& next_task_executor) noexcept {
  // By reference, so that what one comparison decides is not loaded for the others.
  return !current.same_context(next) || current_task_executor != next_task_executor;
}

namespace detail {

/// `task`, whose `resume_point` is set and which nobody else can resume, goes on at `target`. Either the thread is there
/// already or is handed over, and the answer is the point to continue at; or the task was enqueued, the thread has no
/// current task, and the answer resumes nothing.
/// `traced`: what `tracing()` answered, for those who ask it anyway.
inline std::coroutine_handle<> transfer(TaskRecord& task, ExecutorRef target, bool traced = tracing()) noexcept;
std::coroutine_handle<> transfer_elsewhere(TaskRecord& task, ExecutorRef target) noexcept;

[[gnu::always_inline]] inline bool may_stay(const Turn& turn, const TaskRecord& task, ExecutorRef target) noexcept {
  if (must_switch(turn.executor, target, turn.task_executor, task.preference)) [[unlikely]]
    return false;
#if !defined(__wasm__)
  // Generic code has no business on a thread of another runtime than its task's.
  if (target.is_generic() && turn.runtime != task.runtime) [[unlikely]]
    return false;
#endif
  return true;
}

std::coroutine_handle<> transfer(TaskRecord& task, ExecutorRef target, bool traced) noexcept {
  ThreadState& thread = thread_state();
  // One way out for all that is not the usual thing: the usual one then needs no stack.
  if (!may_stay(*thread.turn, task, target) || traced) [[unlikely]]
    return transfer_elsewhere(task, target);
  thread.task = &task;
  return task.resume_point;
}

}  // namespace detail
}  // namespace crank
