#include "crank/async/backtrace.h"

#include "crank/async/misuse.h"
#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/base/text.h"

namespace crank {

std::vector<AsyncFrame> detail::backtrace_from(std::coroutine_handle<> innermost, const TaskRecord& task,
                                               bool parents) {
  std::vector<AsyncFrame> frames;
  const TaskRecord* current = &task;
  for (std::coroutine_handle<> frame = innermost;;) {
    const PromiseBase& promise = PromiseBase::of(frame);
    frames.push_back({promise.where, current->id(), current->name(), frame.address()});
    frame = promise.isolation ? promise.isolation->caller : promise.continuation;
    if (frame.address() != static_cast<const FrameEnd*>(current)) continue;
    current = parents ? current->parent : nullptr;
    // A parent that runs on, beside its child, has no resume point of its own to show.
    if (!current || !current->resume_point || current == thread_state().task) return frames;
    frame = current->resume_point;
  }
}

// On a pool the parents may be running at this moment; elsewhere one thread turns them all.
std::vector<AsyncFrame> detail::backtrace_of_current(std::coroutine_handle<> here) {
  const TaskRecord& task = *thread_state().task;
  return backtrace_from(here, task, task.runtime->turned_by_one_thread());
}

std::vector<AsyncFrame> async_backtrace(const TaskRecord& task) {
  // Both have a resume point of long ago, perhaps in a frame that is gone.
  if (&task == current_task())
    detail::misuse("async_backtrace of the task that asks, which is not suspended: co_await backtrace_here()");
  if (const auto* spawned = detail::SpawnedBase::of(task); spawned && spawned->done()) return {};
  return detail::backtrace_from(task.resume_point, task, true);
}

std::string to_string(const std::vector<AsyncFrame>& frames) {
  std::string text;
  std::uint64_t task = frames.empty() ? 0 : frames.front().task_id;
  for (const AsyncFrame& frame : frames) {
    if (frame.task_id != task) {
      task = frame.task_id;
      text += concat("-- child of task ", task, " ", frame.task_name, "\n");
    }
    if (frame.begun())
      text += concat(frame.resume_point.function_name(), " (", frame.resume_point.file_name(), ":",
                     frame.resume_point.line(), "), suspended");
    else
      text += "not begun";
    text += concat(", frame ", frame.address, "\n");
  }
  return text;
}

}  // namespace crank
