#include "crank/async/task_record.h"

#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/async/trace.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

std::uint64_t new_id() noexcept {
  // Ids are handed to threads in blocks, so that making a task touches no shared line.
  constexpr std::uint64_t block = 1024;
  static constinit std::atomic<std::uint64_t> next_block{1};
  detail::ThreadState& thread = detail::thread_state();
  if (thread.next_id == thread.last_id) [[unlikely]] {
    thread.next_id = next_block.fetch_add(block, std::memory_order_relaxed);
    thread.last_id = thread.next_id + block;
  }
  return thread.next_id++;
}

void run_task(Job* job) noexcept {
  auto& task = static_cast<TaskRecord&>(*job);
  detail::ThreadState& thread = detail::thread_state();
  thread.task = &task;
  task.resume_point.resume();
  thread.task = nullptr;
}

}  // namespace

TaskRecord::TaskRecord(Runtime& home, Complete when_done) noexcept
    : Job(run_task, Priority::medium, JobKind::task), runtime(&home), complete(when_done), id_(new_id()) {
#if defined(__wasm__)
  ++home.living_tasks;
#endif
  detail::trace(TraceEvent::task_created, this);
}

TaskRecord::~TaskRecord() = default;

void TaskRecord::inherit_as_child(TaskRecord& from) noexcept {
  priority = static_cast<Priority>(from.priority);
  parent = &from;
  locals = from.locals;
  preference = from.preference;
}

const char* TaskRecord::name() const noexcept {
  if (!(status.load(std::memory_order_relaxed) & named_bit)) return "";
  return static_cast<const detail::SpawnedBase*>(this)->given_name();
}

void detail::resume_last(TaskRecord& task) noexcept {
  if (task.executor.is_generic() && !task.preference && task.runtime->is_pool() && post_behind(task)) return;
  resume_later(task);
}

void detail::resume_later(TaskRecord& task) noexcept {
  trace(TraceEvent::resumed, &task, {}, task.executor);
  enqueue(*task.runtime, task.executor, task);
}

}  // namespace crank
