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

/// Where a frame runs that is the member of an actor, or says so: a part of its promise. When it has run, it takes the task
/// back to where the caller was.
struct Isolation : FrameEnd {
  explicit Isolation(const ExecutorRef& where_to_run) noexcept : FrameEnd(leave), target(&where_to_run) {}
  static void leave(void* self);

  const ExecutorRef* target;       // where it must run; it is there from its first line
  ExecutorRef home;                // from then on: where its caller goes on
  std::coroutine_handle<> caller;  // and who that is
};
// What `target` points to in a frame that runs on the main executor of whichever runtime runs it.
inline constexpr ExecutorRef main_mark{};
// Where a frame that is isolated starts.
CRANK_COLD ExecutorRef start_of(const Isolation& isolation, Runtime& runtime) noexcept;

// What is not needed before the first await is not written: each store of a call shows in what the call costs. Aligned to
// 8 so that in a wasm32 guest, where pointers have 4, results of 64 bits need no other frame layout.
struct alignas(8) PromiseBase {
  // What goes on when this frame has ended; set when it is awaited or made a task's.
  union {
    std::coroutine_handle<> continuation;
  };
  // Of the await it is suspended at. Before the first one it is set, to nothing, in frames that may have to wait for their
  // beginning: outermost and isolated ones.
  union {
    std::source_location where;
  };
  // Null: runs where it is called. Last, so that it is cleared together with the outcome that follows it.
  Isolation* isolation = nullptr;

  PromiseBase() noexcept {}
  void make_root(TaskRecord& task) noexcept {
    continuation = task.handle();
    where = {};
    isolation = nullptr;
  }

  static void* operator new(std::size_t size) noexcept { return frame_allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { frame_free(frame, size); }

  static std::suspend_always initial_suspend() noexcept { return {}; }

  static PromiseBase& of(std::coroutine_handle<> frame) noexcept {
    return std::coroutine_handle<PromiseBase>::from_address(frame.address()).promise();
  }
};

// The task goes over to where `callee` must run, and begins it there.
std::coroutine_handle<> enter_isolated(PromiseBase& callee, std::coroutine_handle<> callee_frame) noexcept;

struct FinalAwaiter {
  static bool await_ready() noexcept { return false; }
  template <class Promise>
  static std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) noexcept {
    return frame.promise().continuation;
  }
  static void await_resume() noexcept {}
};

// A user's exception as a value. Only code built with exceptions makes or opens one.
struct ExceptionBox {
  void* exception;
  void (*rethrow_and_free)(ExceptionBox*);
  void (*free)(ExceptionBox*) noexcept;
};
template <Exceptions policy>
[[gnu::cold, gnu::noinline]] ExceptionBox* box_current_exception() noexcept {
  if constexpr (policy == Exceptions::propagate) {
    return new ExceptionBox{new std::exception_ptr(std::current_exception()),
                            [](ExceptionBox* self) {
                              std::exception_ptr thrown = std::move(*static_cast<std::exception_ptr*>(self->exception));
                              self->free(self);
                              std::rethrow_exception(std::move(thrown));
                            },
                            [](ExceptionBox* self) noexcept {
                              delete static_cast<std::exception_ptr*>(self->exception);
                              delete self;
                            }};
  } else {
    misuse("an exception left a task built without exceptions");
  }
}

template <Exceptions policy>
[[noreturn]] void rethrow_boxed(ExceptionBox* box) {
  if constexpr (policy == Exceptions::propagate) box->rethrow_and_free(box);
  misuse("an exception left a task that is awaited by code built without exceptions");
}

// A value that needs no destructor leaves no mark: `none` and `value` are then one. A word wide, so that clearing it joins
// the store that clears what stands before it.
enum class Outcome : std::uintptr_t { none, value, exception };

/// How a body ended. It ends with the frame it lies in, and whoever destroys that frees the exception nobody took:
/// a frame that holds no value with a destructor is then freed without a look inside.
template <class T>
struct OutcomeSlot {
  using Stored = std::conditional_t<std::is_void_v<T>, char,
                                    std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;
  static constexpr bool marks_value = !std::is_trivially_destructible_v<Stored>;
  Outcome outcome = Outcome::none;
  union {
    Stored value;
    ExceptionBox* exception;
    void* frame;  // in the record of a task that has not ended
  };

  OutcomeSlot() noexcept {}
  OutcomeSlot(const OutcomeSlot&) = delete;
  OutcomeSlot& operator=(const OutcomeSlot&) = delete;
  ~OutcomeSlot()
    requires(!marks_value)
  = default;
  ~OutcomeSlot() {
    if (outcome == Outcome::value) value.~Stored();
  }

  template <class... From>
  void emplace(From&&... from) {
    new (std::addressof(value)) Stored(std::forward<From>(from)...);
    if constexpr (marks_value) outcome = Outcome::value;
  }
  void fail(ExceptionBox* box) noexcept {
    exception = box;
    outcome = Outcome::exception;
  }
  bool failed() const noexcept { return outcome == Outcome::exception; }
  /// Of one that failed: it is the caller's now.
  ExceptionBox* take_exception() noexcept {
    outcome = Outcome::none;
    return exception;
  }
  void drop_exception() noexcept {
    if (failed()) [[unlikely]]
      exception->free(exception);
  }
  /// Moves the result out, or throws what left the body.
  template <Exceptions policy>
  T take() {
    if (failed()) [[unlikely]] {
      rethrow_boxed<policy>(take_exception());
    }
    return take_value();
  }
  T take_value() {
    if constexpr (std::is_void_v<T>)
      return;
    else if constexpr (std::is_reference_v<T>)
      return static_cast<T>(*value);
    else
      return std::move(value);
  }
};

template <class T>
struct TaskState;

/// The same in the record of a task, where it outlives the frame. Until then it knows the frame.
template <class T>
struct ResultSlot : OutcomeSlot<T> {
  ResultSlot() noexcept = default;
  explicit ResultSlot(std::coroutine_handle<TaskState<T>> body) noexcept { this->frame = body.address(); }
  ~ResultSlot() { this->drop_exception(); }
  /// The body has ended: takes over how, and frees the frame.
  void settle() noexcept {
    auto body = std::coroutine_handle<TaskState<T>>::from_address(this->frame);
    OutcomeSlot<T>& from = body.promise().result;
    if (from.failed()) [[unlikely]]
      this->fail(from.exception);
    else if constexpr (!std::is_void_v<T>)
      this->emplace(std::move(from.value));
    body.destroy();
  }
};

template <class T>
struct ReturnValue : PromiseBase {
  OutcomeSlot<T> result;
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
  OutcomeSlot<void> result;
  void return_void() noexcept {}
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

template <class... Parameters>
inline constexpr bool has_isolation = false;
template <class First, class... Rest>
inline constexpr bool has_isolation<First, Rest...> =
    ActorSelf<First> || (NamesIsolation<First> || ... || NamesIsolation<Rest>);

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
  Task<T> get_return_object() noexcept;
  FinalAwaiter final_suspend() noexcept { return {}; }

  void unhandled_exception() noexcept { this->result.fail(box_current_exception<policy>()); }

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

/// Of a member coroutine of an actor, whose `*this` the promise sees, or of a function that says where it runs.
template <class T, Exceptions policy>
struct IsolatedPromise : Promise<T, policy> {
  template <class First, class... Rest>
  explicit IsolatedPromise(First& first, Rest&... rest) noexcept : runs_at(isolation_named_by(first, rest...)) {
    this->isolation = &runs_at;
  }
  Isolation runs_at;
};

template <class T, class... Arguments>
struct PromiseFor {
  using type = Promise<T, default_exceptions>;
};
template <class T, class... Arguments>
  requires has_isolation<Arguments...>
struct PromiseFor<T, Arguments...> {
  using type = IsolatedPromise<T, default_exceptions>;
};

}  // namespace detail
}  // namespace crank

template <class T, class... Arguments>
struct std::coroutine_traits<crank::Task<T>, Arguments...> {
  using promise_type = crank::detail::PromiseFor<T, Arguments...>::type;
};
