// Errors as values, in coroutines: `co_await or_return(expression)` gives the value of a Result, or ends the coroutine with
// its error. The error goes to whoever awaits this coroutine without resuming its frame.
//
//     crank::Task<crank::Result<Page>> page() {
//       auto bytes = co_await crank::or_return(co_await fetch());     // fetch answers Result<Bytes>
//       co_return parse(bytes);
//     }
#pragma once

#include <coroutine>
#include <utility>

#include "crank/async/promise.h"

namespace crank {
namespace detail {

template <class R>
class [[nodiscard("co_await it")]] OrReturn : public Awaiter {
 public:
  explicit OrReturn(R&& result) : result_(std::move(result)) {}
  bool await_ready() const noexcept { return result_.has_value(); }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) {
    frame.promise().return_value(typename R::unexpected_type(std::move(result_).error()));
    return FinalAwaiter::await_suspend(frame);
  }
  typename R::value_type await_resume() {
    if constexpr (!std::is_void_v<typename R::value_type>) return *std::move(result_);
  }

 private:
  R result_;
};

}  // namespace detail

template <class R>
detail::OrReturn<R> or_return(R result) {
  return detail::OrReturn<R>(std::move(result));
}

}  // namespace crank
