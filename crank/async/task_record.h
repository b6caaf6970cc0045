// The task (R1): a schedulable job with an identity. It holds what the runtime must know to suspend and resume a chain of
// coroutine frames anywhere: where to resume, on which executor, who is the parent, whether it is cancelled, the task-locals.
//
//     TaskRecord --resume_point--> innermost frame --continuation--> caller's frame --...--> root frame --root--> TaskRecord
//
// Where a record lives depends on how the task was made (a spawned task's on the heap, an async_let's in its parent's frame);
// users see it as `current_task()`.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include "crank/async/asymmetric_fence.h"
#include "crank/async/executor.h"
#include "crank/async/job.h"
#include "crank/async/trace.h"
#include "crank/async/turn.h"

namespace crank {

class CancellationHandler;
class CancellationWave;
class EscalationWave;
class Runtime;
struct LocalBinding;

namespace detail {
struct PromiseBase;
inline constexpr std::size_t name_word_size = 8;
inline std::coroutine_handle<> nothing_to_resume() noexcept { return std::noop_coroutine(); }
}  // namespace detail

class TaskRecord : public Job {
 public:
  /// Called when the root frame, whose promise is `root`, has finished: takes the result out, frees the frame, and returns
  /// what runs next on this thread. The task may be gone afterwards.
  using Complete = std::coroutine_handle<> (*)(TaskRecord& task, detail::PromiseBase& root) noexcept;

  /// A new task with the runtime's defaults; `inherit_as_child` fills in what a child takes over.
  TaskRecord(Runtime& home, Complete when_done) noexcept;
  ~TaskRecord() = default;

  /// Unique in the process, from 1.
  std::uint64_t id() const noexcept { return id_; }
  /// What its maker called it, or "".
  const char* name() const noexcept;

  bool is_cancelled() const noexcept { return (status.load(std::memory_order_relaxed) & cancelled_bit) != 0; }
  /// Asks the task and everything below it to stop (R9); handlers run on this thread. From any thread, more than once is
  /// the same as once. The caller makes sure that the task is alive.
  void cancel() noexcept;

  /// Raises the priority, also of what the task waits for (R10); never lowers it. A job that is queued already
  /// comes to its raised place (escalation.h). From any thread, but not from a cancellation handler; the caller makes sure
  /// that the task is alive.
  void escalate(Priority least) noexcept;

  /// A child's share of its parent (R7): priority, task-locals, executor preference, cancellation so far.
  void inherit_as_child(TaskRecord& from) noexcept;

  static constexpr std::uint32_t cancelled_bit = 1, shielded_bit = 2;
  static constexpr std::uint32_t named_bit = 4, named_before_bit = 16;  // a spawned task; a child (child_options.h)
  static constexpr std::uint32_t marked_bit =
      8;  // the wave that cancels the task's group has its handlers still to run

  /// For the runtime: sets the flag, and `also`; false when it was set before. Runs nothing.
  bool mark_cancelled(std::uint32_t also = 0) noexcept;
  /// What follows, after a heavy fence: runs the handlers, and leaves those that lead to children to the wave.
  void run_handlers(CancellationWave& wave) noexcept;

  // For the runtime. `resume_point`, `executor` and `preference` are written by the thread that runs the task.
  detail::BiasedLock
      handlers_lock;  // the owner is whoever runs the task; biased until cancelled. In the padding of Job
  std::atomic<std::uint32_t> status{0};
  std::coroutine_handle<> resume_point;
  ExecutorRef executor;  ///< where it runs when resumed
  Runtime* runtime;
  TaskExecutor* preference = nullptr;  ///< null: none
  TaskRecord* parent = nullptr;        ///< of a structured child; it outlives the child
  LocalBinding* locals = nullptr;
  std::atomic<CancellationHandler*> handlers{nullptr};  // changed under handlers_lock
  Complete complete;

 private:
  std::uint64_t id_;
};

namespace detail {

void run_task(Job* job) noexcept;
std::uint64_t new_block_of_ids() noexcept;

// Ids are handed to threads in blocks, so that making a task touches no shared line.
inline std::uint64_t new_task_id() noexcept {
  ThreadState& thread = thread_state();
  if (thread.next_id == thread.last_id) [[unlikely]]
    return new_block_of_ids();
  return thread.next_id++;
}

/// The current task stops here: it will go on at `point`, on the executor it runs on now. Afterwards the thread has no
/// current task (S2.4), and once the record is published to a resumer this thread must not touch it again.
inline TaskRecord& suspend_current(std::coroutine_handle<> point) noexcept {
  ThreadState& thread = thread_state();
  TaskRecord& task = *thread.task;
  task.resume_point = point;
  // A synchronous start cannot be returned to: what it suspended goes on as generic code.
  ExecutorRef here = thread.turn->executor;
  task.executor = here.is_immediate() ? ExecutorRef::generic() : here;
  thread.task = nullptr;
  return task;
}
/// What was about to suspend goes on at once.
inline void unsuspend(TaskRecord& task) noexcept { thread_state().task = &task; }

/// Enqueues a suspended task on its executor. From any thread; runs nothing.
void resume_later(TaskRecord& task) noexcept;

}  // namespace detail

#if !defined(__wasm__)
inline TaskRecord::TaskRecord(Runtime& home, Complete when_done) noexcept
    : Job(detail::run_task, Priority::medium, JobKind::task),
      runtime(&home),
      complete(when_done),
      id_(detail::new_task_id()) {
  detail::trace(TraceEvent::task_created, this);
}
#endif

inline void TaskRecord::inherit_as_child(TaskRecord& from) noexcept {
  priority = static_cast<Priority>(from.priority);
  parent = &from;
  locals = from.locals;
  preference = from.preference;
}

}  // namespace crank
