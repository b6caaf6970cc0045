#include "crank/async/task_record.h"

#include "crank/async/child_options.h"
#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/async/trace.h"
#include "crank/async/worker_queues.h"
#include "crank/async/yield.h"

namespace crank {

std::uint64_t TaskRecord::first_asked() const noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  std::uint64_t known = 0, mine = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return id_.compare_exchange_strong(known, mine, std::memory_order_relaxed) ? mine : known;
}

void detail::run_task(Job* job) noexcept {
  auto& task = static_cast<TaskRecord&>(*job);
  ThreadState& thread = thread_state();
  thread.task = &task;
  task.resume_point.resume();
  thread.task = nullptr;
}

#if !defined(__wasm__)
void detail::run_preferring(Job* job) noexcept {
  auto& task = static_cast<TaskRecord&>(*job);
  const Turn& turn = *thread_state().turn;
  // In an actor's drain, too, it is the turn that says where the thread is from.
  if (!task.executor.is_generic() || (turn.task_executor == task.preference && turn.runtime == task.runtime))
    return run_task(job);
  TurnScope scope(ExecutorRef::generic(), task.runtime, task.preference);
  run_in_turn(scope.turn(), *job);
}
#endif

#if defined(__wasm__)
TaskRecord::TaskRecord(Runtime& home, detail::FrameEnd::Resume at_end) noexcept
    : FrameEnd(at_end), Job(detail::run_task, Priority::medium, JobKind::task), runtime(&home) {
  ++home.living_tasks;
}

TaskRecord& TaskRecord::ended(void* self, bool traced) noexcept {
  auto& task = static_cast<TaskRecord&>(*static_cast<detail::FrameEnd*>(self));
  if (traced) [[unlikely]]
    detail::report(TraceEvent::task_finished, &task, {}, {});
  --task.runtime->living_tasks;
  return task;
}
#endif

const char* TaskRecord::name() const noexcept {
  std::uint32_t bits = status.load(std::memory_order_relaxed);
  if (bits & named_bit) return static_cast<const detail::SpawnedBase*>(this)->given_name();
  if (!(bits & named_before_bit)) return "";
  auto* before = reinterpret_cast<const char*>(this) - detail::name_word_size;
  return reinterpret_cast<const detail::NameWord*>(before)->name;
}

void detail::resume_last(TaskRecord& task) noexcept {
  trace(TraceEvent::suspended, &task, {}, task.executor);
  if (task.executor.is_generic() && post_behind(task)) return;
  resume_later(task);
}

void detail::resume_later(TaskRecord& task) noexcept {
  trace(TraceEvent::resumed, &task, {}, task.executor);
  enqueue_task(task);
}

}  // namespace crank
