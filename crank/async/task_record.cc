#include "crank/async/task_record.h"

#include "crank/async/child_options.h"
#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/async/trace.h"
#include "crank/async/worker_queues.h"
#include "crank/async/yield.h"

namespace crank {

std::uint64_t detail::new_block_of_ids() noexcept {
  constexpr std::uint64_t block = 1024;
  static constinit std::atomic<std::uint64_t> next_block{1};
  ThreadState& thread = thread_state();
  thread.next_id = next_block.fetch_add(block, std::memory_order_relaxed);
  thread.last_id = thread.next_id + block;
  return thread.next_id++;
}

void detail::run_task(Job* job) noexcept {
  auto& task = static_cast<TaskRecord&>(*job);
  ThreadState& thread = thread_state();
  thread.task = &task;
  task.resume_point.resume();
  thread.task = nullptr;
}

#if defined(__wasm__)
TaskRecord::TaskRecord(Runtime& home, Complete when_done) noexcept
    : Job(detail::run_task, Priority::medium, JobKind::task),
      runtime(&home),
      complete(when_done),
      id_(detail::new_task_id()) {
  ++home.living_tasks;
  detail::trace(TraceEvent::task_created, this);
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
  if (task.executor.is_generic() && !task.preference && task.runtime->is_pool() && post_behind(task)) return;
  resume_later(task);
}

void detail::resume_later(TaskRecord& task) noexcept {
  trace(TraceEvent::resumed, &task, {}, task.executor);
  enqueue_task(task);
}

}  // namespace crank
