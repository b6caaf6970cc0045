// yield: lets others run. The task goes to the back of the queue of its executor.
#pragma once

#include <coroutine>

#include "crank/async/promise.h"

namespace crank {
namespace detail {

/// Enqueues a suspended task behind what waits already. From its own thread.
void resume_last(TaskRecord& task) noexcept;

struct [[nodiscard("co_await it")]] YieldAwaiter : Awaiter {
  static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<> here) noexcept { resume_last(suspend_current(here)); }
  static void await_resume() noexcept {}
};

}  // namespace detail

/// `co_await crank::yield();`
inline detail::YieldAwaiter yield() noexcept { return {}; }

}  // namespace crank
