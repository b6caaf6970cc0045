// Bounded waits (R8): the body runs as a child task; when its time is over it is cancelled and waited for, and the answer is
// an error with Code::deadline. So nothing of it is left behind, and how long it takes to stop is up to its own points.
#pragma once

#include <type_traits>
#include <utility>

#include "crank/async/async_let.h"
#include "crank/async/timer_queue.h"
#include "crank/base/result.h"

namespace crank {
namespace detail {

template <class T>
struct ResultOf {
  using type = Result<T>;
};
template <class T>
struct ResultOf<Result<T>> {
  using type = Result<T>;
};

/// Cancels a child at an instant. `stop` says whether it did; afterwards the timer does nothing more.
class DeadlineTimer : Timer {
 public:
  DeadlineTimer(TaskRecord& child, Instant when) : Timer(expire), child_(child) {
    child_.runtime->timers().add(*this, when);
  }
  bool stop() noexcept;

 private:
  static void expire(Timer& timer) noexcept;
  TaskRecord& child_;
  std::atomic<bool> over_{false};
};

}  // namespace detail

/// The result of `body` by `deadline`, as a Result; a body that answers a Result is not wrapped again. What a body throws in
/// time is thrown here; what a late one answers, or throws, is dropped. Cancelling the task cancels the body, and its answer is
/// the answer. The body begins when this is awaited; a deadline that has passed by then cancels it soon after.
template <class T, Exceptions policy = default_exceptions>
Task<typename detail::ResultOf<T>::type> with_deadline(Instant deadline, Task<T> body) {
  AsyncLet<T> child(std::move(body), std::source_location::current());
  detail::DeadlineTimer timer(child.task(), deadline);
  co_await child.settled();
  bool expired = timer.stop();
  if (expired) co_return fail(Code::deadline, "the work was cancelled: its time was over");
  if constexpr (std::is_void_v<T>) {
    child.template take_result<policy>();
    co_return typename detail::ResultOf<T>::type{};
  } else {
    co_return child.template take_result<policy>();
  }
}

/// The same by `limit` from now: from this call, which a task makes, and not from when it is awaited.
template <class T, Exceptions policy = default_exceptions>
[[clang::coro_wrapper]] Task<typename detail::ResultOf<T>::type> with_timeout(Duration limit, Task<T> body) {
  return with_deadline<T, policy>(
      detail::current_task_or_misuse("with_timeout outside of a task").runtime->now() + limit, std::move(body));
}

}  // namespace crank
