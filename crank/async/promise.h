// The promise of every coroutine of the runtime. Users write Task<T> (task.h) and need not read this.
//
// A frame knows the frame that awaits it (`continuation`), the place of its current await (`where`), and, when it is the
// member of an actor, the executor it must run on. Every promise starts with a PromiseBase, so a chain of frames of any
// result types can be walked.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include "crank/async/executor.h"
#include "crank/async/frame_pool.h"
#include "crank/async/misuse.h"
#include "crank/async/task_record.h"
#include "crank/async/task_switch.h"

namespace crank {

/// Whether an exception that leaves a task's body travels to its awaiter, or ends the program.
enum class Exceptions : bool { none, propagate };
#if defined(__cpp_exceptions)
inline constexpr Exceptions default_exceptions = Exceptions::propagate;
#else
inline constexpr Exceptions default_exceptions = Exceptions::none;
#endif

template <class T>
class Task;

namespace detail {

// What `isolation` points to in the outermost frame of a task.
inline constexpr ExecutorRef root_mark{};
// And in a frame that runs on the main executor of whichever runtime runs it.
inline constexpr ExecutorRef main_mark{};
// The executor a frame that is isolated starts on.
ExecutorRef start_of(const ExecutorRef* isolation, Runtime& runtime) noexcept;

// Aligned to 8 so that in a wasm32 guest, where pointers have 4, results of 64 bits need no other frame layout.
struct alignas(8) PromiseBase {
  union {
    std::coroutine_handle<> continuation;  // of the frame that awaits this one
    TaskRecord* root;                      // or, in an outermost frame, its task
  };
  // Null: runs where it is called. Until it starts: the executor it must run on. Then: where its caller goes on, or
  // root_mark.
  const ExecutorRef* isolation = nullptr;
  std::source_location where;  // of the await it is suspended at

  PromiseBase() noexcept : continuation(nullptr) {}
  bool is_root() const noexcept { return isolation == &root_mark; }
  void make_root(TaskRecord& task) noexcept {
    root = &task;
    isolation = &root_mark;
  }

  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { frame_free(frame, size); }

  static std::suspend_always initial_suspend() noexcept { return {}; }

  static PromiseBase& of(std::coroutine_handle<> frame) noexcept {
    return std::coroutine_handle<PromiseBase>::from_address(frame.address()).promise();
  }
};

// What a frame that is a task's outermost one, or isolated, does at its end and its beginning.
std::coroutine_handle<> finish_frame(PromiseBase& promise) noexcept;
// `home` lives in the awaiter, in the caller's frame.
std::coroutine_handle<> enter_isolated(PromiseBase& callee, std::coroutine_handle<> callee_frame,
                                       ExecutorRef& home) noexcept;

struct FinalAwaiter {
  static bool await_ready() noexcept { return false; }
  template <class Promise>
  static std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) noexcept {
    PromiseBase& promise = frame.promise();
    if (promise.isolation) [[unlikely]]
      return finish_frame(promise);
    return promise.continuation;
  }
  static void await_resume() noexcept {}
};

// A user's exception as a value. Only code built with exceptions makes or opens one.
struct ExceptionBox {
  void* exception;
  void (*rethrow_and_free)(ExceptionBox*);
  void (*free)(ExceptionBox*) noexcept;
};

enum class Outcome : unsigned char { none, value, exception };

template <class T>
struct ResultSlot {
  using Stored = std::conditional_t<std::is_void_v<T>, char,
                                    std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;
  union {
    Stored value;
    ExceptionBox* exception;
  };
  Outcome outcome = Outcome::none;

  ResultSlot() noexcept {}
  ResultSlot(const ResultSlot&) = delete;
  ResultSlot& operator=(const ResultSlot&) = delete;
  ~ResultSlot() {
    if (outcome == Outcome::value) value.~Stored();
    if (outcome == Outcome::exception) [[unlikely]]
      exception->free(exception);
  }

  template <class... From>
  void emplace(From&&... from) {
    new (std::addressof(value)) Stored(std::forward<From>(from)...);
    outcome = Outcome::value;
  }
  /// Takes over another slot's outcome.
  void take_over(ResultSlot& from) noexcept {
    if (from.outcome == Outcome::value) emplace(std::move(from.value));
    if (from.outcome == Outcome::exception) [[unlikely]] {
      exception = from.exception;
      outcome = Outcome::exception;
      from.outcome = Outcome::none;
    }
  }
  /// Moves the result out, or throws what left the body.
  template <Exceptions policy>
  T take() {
    if (outcome == Outcome::exception) [[unlikely]] {
      if constexpr (policy == Exceptions::propagate) {
        outcome = Outcome::none;
        exception->rethrow_and_free(exception);
      }
      misuse("an exception left a task that is awaited by code built without exceptions");
    }
    if constexpr (std::is_void_v<T>)
      return;
    else if constexpr (std::is_reference_v<T>)
      return static_cast<T>(*value);
    else
      return std::move(value);
  }
};

template <class T>
struct ReturnValue : PromiseBase {
  ResultSlot<T> result;
  template <class From = T>
    requires std::is_convertible_v<From&&, T>
  void return_value(From&& from) {
    if constexpr (std::is_reference_v<T>)
      result.emplace(std::addressof(from));
    else
      result.emplace(std::forward<From>(from));
  }
};
template <>
struct ReturnValue<void> : PromiseBase {
  ResultSlot<void> result;
  void return_void() noexcept { result.outcome = Outcome::value; }
};

template <class T>
struct TaskState : ReturnValue<T> {};

template <class T, Exceptions policy>
class TaskAwaiter;

/// Base of everything a task can await besides tasks. It promises that what it suspends is resumed through the task's
/// record, on its executor; anything else is bridged with `with_continuation`.
struct Awaiter {};

template <class T>
concept RuntimeAwaiter = std::is_base_of_v<Awaiter, std::remove_cvref_t<T>>;

template <class Self>
concept ActorSelf = requires { typename std::remove_cvref_t<Self>::IsCrankActor; };

// A parameter `On<Global>` (global_actor.h).
template <class Parameter>
concept NamesIsolation = requires { typename std::remove_cvref_t<Parameter>::CrankIsolation; };

template <class First, class... Rest>
inline constexpr bool has_isolation = ActorSelf<First> || (NamesIsolation<First> || ... || NamesIsolation<Rest>);

// The first `On` of the parameters; without one, the actor that is the first.
template <class First, class... Rest>
const ExecutorRef& isolation_named_by(First& first, Rest&... rest) noexcept {
  if constexpr (NamesIsolation<First>)
    return std::remove_cvref_t<First>::CrankIsolation::isolation();
  else if constexpr ((NamesIsolation<Rest> || ...))
    return isolation_named_by(rest...);
  else
    return first.isolation();
}

template <class T, Exceptions policy>
struct Promise : TaskState<T> {
  Promise() noexcept = default;
  // A member coroutine of an actor, whose `*this` the promise sees, or a function that says where it runs.
  template <class First, class... Rest>
    requires has_isolation<First, Rest...>
  explicit Promise(First& first, Rest&... rest) noexcept {
    this->isolation = &isolation_named_by(first, rest...);
  }

  Task<T> get_return_object() noexcept;
  FinalAwaiter final_suspend() noexcept { return {}; }

  void unhandled_exception() noexcept {
    if constexpr (policy == Exceptions::propagate) {
      auto* box = new ExceptionBox{new std::exception_ptr(std::current_exception()),
                                   [](ExceptionBox* self) {
                                     std::exception_ptr thrown =
                                         std::move(*static_cast<std::exception_ptr*>(self->exception));
                                     self->free(self);
                                     std::rethrow_exception(std::move(thrown));
                                   },
                                   [](ExceptionBox* self) noexcept {
                                     delete static_cast<std::exception_ptr*>(self->exception);
                                     delete self;
                                   }};
      this->result.exception = box;
      this->result.outcome = Outcome::exception;
    } else {
      misuse("an exception left a task built without exceptions");
    }
  }

  template <class U>
  TaskAwaiter<U, policy> await_transform(Task<U>&& callee,
                                         std::source_location here = std::source_location::current()) noexcept {
    this->where = here;
    return TaskAwaiter<U, policy>(std::move(callee));
  }
  template <RuntimeAwaiter A>
  A&& await_transform(A&& awaiter, std::source_location here = std::source_location::current()) noexcept {
    this->where = here;
    return static_cast<A&&>(awaiter);
  }
  /// Things that make an awaiter: handles, groups, streams.
  template <class A>
    requires requires(A&& awaitable) {
      { static_cast<A&&>(awaitable).operator co_await() } -> RuntimeAwaiter;
    }
  auto await_transform(A&& awaitable, std::source_location here = std::source_location::current()) {
    this->where = here;
    return static_cast<A&&>(awaitable).operator co_await();
  }
};

}  // namespace detail
}  // namespace crank

template <class T, class... Arguments>
struct std::coroutine_traits<crank::Task<T>, Arguments...> {
  using promise_type = crank::detail::Promise<T, crank::default_exceptions>;
};
