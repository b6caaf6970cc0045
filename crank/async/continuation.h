// Bridging callbacks: a continuation is what a suspended task needs to go on, as a value to keep until the answer is
// there.
//
//     int answer = co_await crank::with_continuation<int>([&](auto done) { legacy_fetch(std::move(done)); });
//     int other = co_await crank::with_continuation<int>([&](crank::Continuation<int> done) {
//       legacy_ask([done = std::move(done)](int status, int value) mutable { done.resume(status ? -1 : value); });
//     });
//
// One atomic word (R6): Pending, Awaited, Resumed. The awaiter changes Pending to Awaited and suspends; seeing Resumed,
// it goes on without suspending. The resumer changes Pending to Resumed; seeing Awaited, it enqueues the task on the
// executor recorded when it suspended, so that resuming never runs user code inside the resumer. A checked continuation
// names the function and line that made it and the place that resumes twice, or drops it unresumed; an unsafe one checks
// nothing. In a wasm32 guest the bug is a trap, without text: the host shows the guest's frames. From any thread.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "crank/async/misuse.h"
#include "crank/async/promise.h"
#include "crank/async/task_record.h"
#include "crank/async/trace.h"

namespace crank {

enum class ContinuationStatus : std::uint8_t { pending, awaited, resumed };

namespace detail {

// Lives in the awaiting frame until the task has been resumed.
struct ContinuationCore {
  std::atomic<ContinuationStatus> status{ContinuationStatus::pending};
  TaskRecord* task = nullptr;
  std::source_location made;

  // The value is in place; after this the core may be gone.
  void resumed() noexcept {
    if (status.exchange(ContinuationStatus::resumed, std::memory_order_acq_rel) == ContinuationStatus::awaited)
      resume_later(*task);
  }
  // What runs next here: nothing when suspended; the point itself, or what a switch says, when the answer is there
  // already.
  std::coroutine_handle<> suspend(std::coroutine_handle<> point) noexcept {
    TaskRecord& waiting = suspend_current(point);
    if (executor) waiting.executor = *executor;
    task = &waiting;
    trace(TraceEvent::suspended, &waiting, {}, waiting.executor);
    auto expected = ContinuationStatus::pending;
    if (status.compare_exchange_strong(expected, ContinuationStatus::awaited, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      return nothing_to_resume();
    }
    trace(TraceEvent::continuation_ready, &waiting);
    return transfer(waiting, waiting.executor);
  }
  std::optional<ExecutorRef> executor;
};

template <class T>
struct ContinuationState : ContinuationCore {
  ResultSlot<T> result;
};

[[noreturn]] void resumed_twice(std::source_location made, std::source_location second) noexcept;
[[noreturn]] void never_resumed(std::source_location made) noexcept;

}  // namespace detail

/// Resumes one awaiting task, once, without checks: twice or never is undefined.
template <class T = void>
class UnsafeContinuation {
 public:
  explicit UnsafeContinuation(detail::ContinuationState<T>& state) noexcept : state_(&state) {}
  /// The value T is made of; nothing for void.
  template <class... From>
  void resume(From&&... value) const {
    state_->result.emplace(std::forward<From>(value)...);
    state_->resumed();
  }
  /// For T = Result<U>: anything that makes the error case of T.
  template <class E>
    requires requires(E&& error) { T(typename T::unexpected_type(std::forward<E>(error))); }
  void fail(E&& error) const {
    state_->result.emplace(typename T::unexpected_type(std::forward<E>(error)));
    state_->resumed();
  }

 private:
  detail::ContinuationState<T>* state_;
};

/// Resumes one awaiting task, exactly once; movable, so that it can live in a callback. Dropping it unresumed, or
/// resuming it again, is a bug that is reported with the function that made it.
template <class T = void>
class [[nodiscard("a continuation must be resumed, or its task never goes on")]] Continuation {
 public:
  explicit Continuation(detail::ContinuationState<T>& state) noexcept : state_(&state), made_(state.made) {}
  Continuation(Continuation&& from) noexcept : state_(from.let_go()), made_(from.made_) {}
  Continuation& operator=(Continuation&& from) noexcept {
    if (this != &from) {
      if (*this) detail::never_resumed(made_);
      state_.store(from.let_go(), std::memory_order_relaxed);
      made_ = from.made_;
    }
    return *this;
  }
  ~Continuation() {
    if (*this) [[unlikely]]
      detail::never_resumed(made_);
  }

  void resume(std::source_location here = std::source_location::current())
    requires std::is_void_v<T>
  {
    detail::ContinuationState<T>* state = take(here);
    state->resumed();
  }
  template <class From = T>
    requires(!std::is_void_v<T>)
  void resume(From&& value, std::source_location here = std::source_location::current()) {
    detail::ContinuationState<T>* state = take(here);
    state->result.emplace(std::forward<From>(value));
    state->resumed();
  }
  /// For T = Result<U>: `fail(Error(...))` or anything that makes the error case of T.
  template <class E>
    requires requires(E&& error) { T(typename T::unexpected_type(std::forward<E>(error))); }
  void fail(E&& error, std::source_location here = std::source_location::current()) {
    detail::ContinuationState<T>* state = take(here);
    state->result.emplace(typename T::unexpected_type(std::forward<E>(error)));
    state->resumed();
  }
  /// The same as `resume`: it is itself the callback, so a bridge is one line: `fetch(url, std::move(done))`.
  void operator()(std::source_location here = std::source_location::current())
    requires std::is_void_v<T>
  {
    resume(here);
  }
  template <class From = T>
    requires(!std::is_void_v<T>)
  void operator()(From&& value, std::source_location here = std::source_location::current()) {
    resume(std::forward<From>(value), here);
  }
  /// For libraries that copy their callbacks (std::function): copies share this one continuation, which is still
  /// resumed once. A second time is reported with the place of this call: who calls the copy is inside the library.
  auto copyable(std::source_location here = std::source_location::current()) && {
    return [shared = std::make_shared<Continuation>(std::move(*this)), here](auto&&... value) {
      shared->resume(std::forward<decltype(value)>(value)..., here);
    };
  }
  /// Still to be resumed.
  explicit operator bool() const noexcept { return state_.load(std::memory_order_relaxed) != nullptr; }

 private:
  // Two that resume at the same moment, an answer and a time-out, are told apart: one of them is the second.
  detail::ContinuationState<T>* take(std::source_location here) noexcept {
    detail::ContinuationState<T>* state = state_.exchange(nullptr, std::memory_order_relaxed);
    if (!state) [[unlikely]]
      detail::resumed_twice(made_, here);
    return state;
  }
  // While it moves nobody else may use it.
  detail::ContinuationState<T>* let_go() noexcept {
    detail::ContinuationState<T>* state = state_.load(std::memory_order_relaxed);
    state_.store(nullptr, std::memory_order_relaxed);
    return state;
  }
  std::atomic<detail::ContinuationState<T>*> state_;
  std::source_location made_;
};

namespace detail {

template <class T, class Handle, class Body>
class [[nodiscard("co_await it")]] ContinuationAwaiter : public Awaiter {
 public:
  ContinuationAwaiter(Body body, std::optional<ExecutorRef> executor, std::source_location made)
      : body_(std::move(body)) {
    state_.executor = executor;
    state_.made = made;
  }
  ContinuationAwaiter(const ContinuationAwaiter&) = delete;

  bool await_ready() {
    body_(Handle(state_));
    bool ready = state_.status.load(std::memory_order_acquire) == ContinuationStatus::resumed;
    if (!ready || state_.executor) return false;
    trace(TraceEvent::continuation_ready, thread_state().task);
    return true;
  }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> here) noexcept { return state_.suspend(here); }
  T await_resume() { return state_.result.template take<Exceptions::none>(); }

 private:
  ContinuationState<T> state_;
  [[no_unique_address]] Body body_;
};

}  // namespace detail

/// Calls `body(Continuation<T>)` at once, then suspends the task until the continuation is resumed; gives the value. It
/// goes on at the executor it awaits on, or at `executor` when one is named.
template <class T = void, class Body>
auto with_continuation(Body body, std::optional<ExecutorRef> executor = {},
                       std::source_location here = std::source_location::current()) {
  return detail::ContinuationAwaiter<T, Continuation<T>, Body>(std::move(body), executor, here);
}
/// The same without checks.
template <class T = void, class Body>
auto with_unsafe_continuation(Body body, std::optional<ExecutorRef> executor = {},
                              std::source_location here = std::source_location::current()) {
  return detail::ContinuationAwaiter<T, UnsafeContinuation<T>, Body>(std::move(body), executor, here);
}

}  // namespace crank
