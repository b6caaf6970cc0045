// Where a task stands: the chain of its coroutine frames, innermost first, each with the await it is suspended at, and
// then its parents' (S1.2). A frame's function is that of its await; the line is where it will go on.
//
//     headlines(int) (page.cc:12), suspended, frame 0x7f00a4012340
//     front_page() (page.cc:31), suspended, frame 0x7f00a4012100
#pragma once

#include <coroutine>
#include <source_location>
#include <string>
#include <vector>

#include "crank/async/promise.h"

namespace crank {

/// Plain values: it outlives the task it tells of.
struct AsyncFrame {
  std::source_location resume_point;  ///< the await it is suspended at; without a line while it has not begun
  std::uint64_t task_id;
  const char* task_name;
  const void* address;  ///< of the frame: tells the frames of one function apart

  /// It has run and is suspended at an await. Else it waits at its start, and its function is not known.
  bool begun() const noexcept { return resume_point.line() != 0; }
};

/// The frames of a suspended task and of the parents that wait for it. It and its parents must stay as they are
/// meanwhile: ask while the crank stands still, or from the task that made it all. None when it is a spawned task that has
/// ended; a child that has ended (`AsyncLet::is_done`) must not be asked, and the task that asks has `backtrace_here`.
std::vector<AsyncFrame> async_backtrace(const TaskRecord& task);
/// One line a frame, as above, with a line between tasks.
std::string to_string(const std::vector<AsyncFrame>& frames);

namespace detail {
std::vector<AsyncFrame> backtrace_from(std::coroutine_handle<> innermost, const TaskRecord& task, bool parents);
std::vector<AsyncFrame> backtrace_of_current(std::coroutine_handle<> here);

class [[nodiscard("co_await it")]] BacktraceAwaiter : public Awaiter {
 public:
  static bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> here) {
    frames_ = backtrace_of_current(here);
    return false;
  }
  std::vector<AsyncFrame> await_resume() noexcept { return std::move(frames_); }

 private:
  std::vector<AsyncFrame> frames_;
};
}  // namespace detail

/// The frames of the current task: `co_await crank::backtrace_here()`; where one thread turns everything (a manual
/// executor, a pump) also those of its parents, which on other threads might be running.
inline detail::BacktraceAwaiter backtrace_here() noexcept { return {}; }

}  // namespace crank
