// Task<T>: an asynchronous call. Calling a coroutine makes its frame and runs nothing; awaiting it runs it, on the caller's
// executor (an actor's member: on that actor's), and gives its result. It is a value to await once, or to hand to `spawn`.
//
//     crank::Task<int> half(int n) { co_return n / 2; }
//     crank::Task<int> quarter(int n) { co_return co_await half(co_await half(n)); }
//
// An await of a call that never suspends costs no queue, no thread switch, and in the good case no allocation. Dropping an
// unawaited Task frees its frame. What the body throws surfaces at the await, where exceptions are on.
#pragma once

#include <coroutine>
#include <memory>
#include <utility>

#include "crank/async/promise.h"

namespace crank {

template <class T = void>
class [[nodiscard("a Task does nothing until it is awaited or spawned"), clang::coro_return_type,
        clang::coro_lifetimebound, clang::coro_await_elidable, clang::trivial_abi]] Task {
 public:
  using Value = T;

  Task(Task&& from) noexcept : frame_(std::exchange(from.frame_, nullptr)) {}
  Task& operator=(Task&& from) noexcept {
    if (this != &from) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(from.frame_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  /// For the runtime: the frame, whose promise starts with TaskState<T>; the caller destroys it.
  [[nodiscard]] std::coroutine_handle<detail::TaskState<T>> release() noexcept {
    return std::exchange(frame_, nullptr);
  }

 private:
  template <class, Exceptions>
  friend struct detail::Promise;
  explicit Task(std::coroutine_handle<detail::TaskState<T>> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<detail::TaskState<T>> frame_;
};

namespace detail {

template <class T, Exceptions policy>
Task<T> Promise<T, policy>::get_return_object() noexcept {
  static_assert(alignof(Promise) == alignof(PromiseBase), "results with extended alignment: return a pointer to them");
  return Task<T>(
      std::coroutine_handle<TaskState<T>>::from_address(std::coroutine_handle<Promise>::from_promise(*this).address()));
}

template <class T>
std::coroutine_handle<> begin_call(std::coroutine_handle<TaskState<T>> callee,
                                   std::coroutine_handle<> caller) noexcept {
  PromiseBase& promise = callee.promise();
  promise.continuation = caller;
  if (promise.isolation) [[unlikely]]
    return enter_isolated(promise, callee);
  return callee;
}

// It has no destructor: an await that began ends in await_resume, since nobody destroys a frame that waits.
template <class T, Exceptions policy>
class [[nodiscard]] TaskAwaiter : public Awaiter {
 public:
  explicit TaskAwaiter(Task<T>&& callee) noexcept : frame_(callee.release()) {}

  static bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept { return begin_call(frame_, caller); }
  T await_resume() {
    OutcomeSlot<T>& result = frame_.promise().result;
    if (result.failed()) [[unlikely]]
      rethrow(frame_);
    if constexpr (small) {
      // Kept in the caller's frame while the callee's goes: cheaper than a register that must be saved for it.
      std::construct_at(std::addressof(value_), std::move(result.value));
      { const Ended callee{frame_}; }
      return std::move(value_);
    } else {
      const Ended callee{frame_};
      return result.take_value();
    }
  }

 private:
  using Frame = std::coroutine_handle<TaskState<T>>;
  struct Ended {
    ~Ended() { frame.destroy(); }
    Frame frame;
  };
  // Frees the frame first: the path that throws leaves nothing to be done to the one that does not.
  [[noreturn, gnu::cold, gnu::noinline]] static void rethrow(Frame callee) {
    ExceptionBox* box = callee.promise().result.exception;
    callee.destroy();
    rethrow_boxed<policy>(box);
  }

  static constexpr bool small = std::is_trivially_copyable_v<T> && sizeof(typename OutcomeSlot<T>::Stored) <= 8;
  struct None {};
  Frame frame_;
  union {
    [[no_unique_address]] std::conditional_t<small, T, None> value_;
  };
};

}  // namespace detail
}  // namespace crank
