// The task (R1): a schedulable job with an identity. It holds what the runtime must know to suspend and resume a chain of
// coroutine frames anywhere: where to resume, on which executor, who is the parent, whether it is cancelled, the task-locals.
//
//     TaskRecord --resume_point--> innermost frame --continuation--> caller's frame --...--> root frame --> TaskRecord
//
// A root frame's continuation is its task, as a FrameEnd: when the frame ends, the end of the task is what goes on.
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
inline constexpr std::size_t name_word_size = 8;
inline std::coroutine_handle<> nothing_to_resume() noexcept { return std::noop_coroutine(); }

/// Stands where a continuation stands when something else than a coroutine goes on: the end of a task, the way back from
/// another executor. So a frame ends the same way whoever waits for it. It is resumed as a coroutine is: frames begin
/// with the function that resumes them, on every platform that clang has coroutines for; nothing else of a frame is used.
struct FrameEnd {
  using Resume = void (*)(void* self);
  explicit FrameEnd(Resume function) noexcept : resume_(hidden(function)) {}
  FrameEnd(const FrameEnd&) = delete;
  std::coroutine_handle<> handle() noexcept { return std::coroutine_handle<>::from_address(this); }
  bool goes_on_by(Resume function) const noexcept { return resume_ == function; }
  /// What a Resume ends with, in tail position: goes on at a coroutine or at another end. (Unchecked by the sanitizer: the
  /// frame of std::noop_coroutine, of some libraries, has a function without a parameter.)
  [[clang::no_sanitize("function")]] static void go_on(void* frame) {
    [[clang::musttail]] return hidden(static_cast<FrameEnd*>(frame)->resume_)(frame);
  }

 private:
  // The compiler calls coroutines by a convention of its own, which is the same for one pointer. It must not find out by
  // looking through the pointer.
  static Resume hidden(Resume function) noexcept {
    asm("" : "+r"(function));
    return function;
  }
  Resume resume_;
};
}  // namespace detail

class TaskRecord : public detail::FrameEnd, public Job {
 public:
  /// A new task with the runtime's defaults; `inherit_as_child` fills in what it takes over. `at_end` is resumed when the
  /// root frame has finished: it takes the result out and frees the frame. The task may be gone afterwards.
  TaskRecord(Runtime& home, detail::FrameEnd::Resume at_end) noexcept;
  ~TaskRecord() = default;

  /// Unique in the process, from 1, given out when it is first asked for.
  std::uint64_t id() const noexcept {
    std::uint64_t known = id_.load(std::memory_order_relaxed);
    return known ? known : first_asked();
  }
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

  /// For `at_end`: the task whose end `self` is. It has finished.
  static TaskRecord& ended(void* self, bool traced = detail::tracing()) noexcept;

 private:
  std::uint64_t first_asked() const noexcept;
  mutable std::atomic<std::uint64_t> id_{0};
};

namespace detail {

void run_task(Job* job) noexcept;
/// What runs a task in place of `run_task` once it went to an executor it prefers: names that in the turn, unless it is
/// named already.
void run_preferring(Job* job) noexcept;

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
inline void unsuspend(TaskRecord& task) noexcept {
  trace(TraceEvent::continuation_ready, &task);
  thread_state().task = &task;
}

/// Enqueues a suspended task on its executor. From any thread; runs nothing.
void resume_later(TaskRecord& task) noexcept;

}  // namespace detail

#if !defined(__wasm__)
inline TaskRecord::TaskRecord(Runtime& home, detail::FrameEnd::Resume at_end) noexcept
    : FrameEnd(at_end), Job(detail::run_task, Priority::medium, JobKind::task), runtime(&home) {}
#endif

#if !defined(__wasm__)
inline TaskRecord& TaskRecord::ended(void* self, bool traced) noexcept {
  auto& task = static_cast<TaskRecord&>(*static_cast<detail::FrameEnd*>(self));
  if (traced) [[unlikely]]
    detail::report(TraceEvent::task_finished, &task, {}, {});
  return task;
}
#endif

inline void TaskRecord::inherit_as_child(TaskRecord& from) noexcept {
  priority = static_cast<Priority>(from.priority);
  parent = &from;
  locals = from.locals;
  preference = from.preference;
}

}  // namespace crank
