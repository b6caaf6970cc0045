// Starting tasks that outlive the call that starts them (R7).
//
//                 isolation   priority   task-locals   executor preference
//     spawn       inherits    inherits   copies        no
//     detached    no          medium     no            no
//
// The body never runs on the caller's stack (but see spawn_immediate); on a pool another thread may run it at once. The handle is the only way to the result; dropping it
// does not cancel: an unstructured task runs on. Prefer groups and async_let (group.h, async_let.h), which are bounded by
// their scope.
#pragma once

#include <atomic>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/runtime.h"
#include "crank/async/task.h"
#include "crank/async/trace.h"

namespace crank {

struct SpawnOptions {
  const char* name = nullptr;                ///< a literal; shown in reports
  std::optional<Priority> priority = {};     ///< else inherited
  std::optional<ExecutorRef> executor = {};  ///< start on this actor, custom executor or main; else inherited
  Runtime* runtime = nullptr;                ///< else the current one; needed outside of the runtime's threads
  TaskExecutor* preference = nullptr;        ///< where its generic code prefers to run
};

namespace detail {

/// Who waits for a spawned task's end: a task, or a thread that is told by `notify`.
struct JoinWaiter {
  JoinWaiter* next = nullptr;
  TaskRecord* task = nullptr;
  void (*notify)(JoinWaiter& self) noexcept = nullptr;
};

/// The part of a spawned task that does not depend on its result. Counted: one for the run, one for each handle.
class SpawnedBase : public TaskRecord {
 public:
  /// `settle` takes the result out of the frame and frees that; `destroy` frees the record.
  using Settle = void (*)(SpawnedBase& task) noexcept;
  using Destroy = void (*)(SpawnedBase& task) noexcept;
  SpawnedBase(Runtime& home, Settle settle, Destroy destroy) noexcept;
  const char* given_name() const noexcept { return name_; }
  /// Null: it is a child, of which only its maker knows more.
  static const SpawnedBase* of(const TaskRecord& task) noexcept {
    return task.goes_on_by(completed) ? static_cast<const SpawnedBase*>(&task) : nullptr;
  }

  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy_(*this);
  }
  bool done() const noexcept { return waiters_.load(std::memory_order_acquire) == finished(); }
  /// False: it is done already and the waiter was not added.
  bool add_waiter(JoinWaiter& waiter) noexcept;

  enum class Inherit : bool { no, yes };
  void start(const SpawnOptions& options, Inherit inherit, std::coroutine_handle<> root) noexcept;
  void start_immediate(const SpawnOptions& options, std::coroutine_handle<> root) noexcept;

 private:
  void prepare(const SpawnOptions& options, Inherit inherit, std::coroutine_handle<> root) noexcept;
  static void completed(void* self);
  std::coroutine_handle<> joined() noexcept;
  JoinWaiter* finished() const noexcept { return reinterpret_cast<JoinWaiter*>(const_cast<SpawnedBase*>(this)); }

  std::atomic<JoinWaiter*> waiters_{nullptr};
  std::atomic<std::uint32_t> references_{2};
  Settle settle_;
  Destroy destroy_;
  const char* name_ = nullptr;
};

Runtime& runtime_for(const SpawnOptions& options) noexcept;

template <class T>
class Spawned final : public SpawnedBase {
 public:
  Spawned(Runtime& home, Task<T>&& body) noexcept
      : SpawnedBase(home, settle, [](SpawnedBase& self) noexcept { delete static_cast<Spawned*>(&self); }),
        result_(body.release()) {}
  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { frame_free(memory, size); }

  /// Before it is started.
  std::coroutine_handle<TaskState<T>> frame() const noexcept {
    return std::coroutine_handle<TaskState<T>>::from_address(result_.frame);
  }
  ResultSlot<T>& result() noexcept { return result_; }

 private:
  static void settle(SpawnedBase& task) noexcept { static_cast<Spawned&>(task).result_.settle(); }
  ResultSlot<T> result_;
};

template <class T, Exceptions policy>
class HandleAwaiter;

}  // namespace detail

/// A spawned task: its result once, its cancellation at any time. Movable; awaited by one task.
template <class T = void>
class [[nodiscard("say `.run_on()` if nobody waits for this task")]] TaskHandle {
 public:
  explicit TaskHandle(detail::Spawned<T>& task) noexcept : task_(&task) {}
  TaskHandle(TaskHandle&& from) noexcept : task_(std::exchange(from.task_, nullptr)) {}
  TaskHandle& operator=(TaskHandle&& from) noexcept {
    std::swap(task_, from.task_);
    return *this;
  }
  ~TaskHandle() {
    if (task_) task_->release();
  }

  /// Asks it to stop. The result is still awaited as usual.
  void cancel() noexcept { task_->cancel(); }
  bool is_done() const noexcept { return task_->done(); }
  TaskRecord& task() const noexcept { return *task_; }
  // For run loops that are not tasks: to be told of the end, and then the result in place.
  detail::SpawnedBase& base() const noexcept { return *task_; }
  detail::ResultSlot<T>& result_now() noexcept { return task_->result(); }
  /// Nobody waits for it: it runs to its end by itself.
  void run_on() && noexcept { std::exchange(task_, nullptr)->release(); }

  /// `co_await std::move(handle)` or `co_await spawn(...)`: the result, or what the task threw. Cancelling the waiting
  /// task does not cancel this one.
  template <Exceptions policy = default_exceptions>
  detail::HandleAwaiter<T, policy> operator co_await() && noexcept {
    return detail::HandleAwaiter<T, policy>(*std::exchange(task_, nullptr));
  }

 private:
  detail::Spawned<T>* task_;
};

namespace detail {

template <class T, Exceptions policy>
class [[nodiscard]] HandleAwaiter : public Awaiter, EscalationLink {
 public:
  explicit HandleAwaiter(Spawned<T>& task) noexcept : EscalationLink(task), task_(&task) {}
  HandleAwaiter(const HandleAwaiter&) = delete;
  ~HandleAwaiter() { task_->release(); }
  bool await_ready() const noexcept { return task_->done(); }
  bool await_suspend(std::coroutine_handle<> here) noexcept {
    TaskRecord& waiting = suspend_current(here);
    waiter_.task = &waiting;
    trace(TraceEvent::suspended, &waiting, {}, waiting.executor);
    // What is waited for must not be less urgent than who waits, now or later (R10). Listed first: no raise passes by.
    attach(waiting);
    task_->escalate(waiting.priority);
    if (task_->add_waiter(waiter_)) return true;
    unsuspend(waiting);
    return false;
  }
  T await_resume() {
    detach();
    return task_->result().template take<policy>();
  }

 private:
  Spawned<T>* task_;
  JoinWaiter waiter_;
};

template <class F>
using TaskOf = std::invoke_result_t<F&>;

// A callable that makes the task lives as long as the task: its captures are the task's. (The policy is part of the name, so
// that units built with and without exceptions do not share one instance.)
template <class Function, class T, Exceptions = default_exceptions>
Task<T> owning_call(Function function) {
  co_return co_await function();
}

template <class F>
concept TaskFunction = requires(F& function) {
  typename TaskOf<F>::Value;
  function().release();
};

}  // namespace detail

/// Starts a task that inherits from the caller. The frame's parameters must own what they refer to.
template <class T>
TaskHandle<T> spawn(Task<T> body [[clang::lifetime_capture_by(global)]], SpawnOptions options = {}) {
  auto* task = new detail::Spawned<T>(detail::runtime_for(options), std::move(body));
  task->start(options, detail::SpawnedBase::Inherit::yes, task->frame());
  return TaskHandle<T>(*task);
}
/// The same from a callable, which is kept with the task: `spawn([this_is_safe] -> Task<> { ... })`.
template <detail::TaskFunction Function>
auto spawn(Function function, SpawnOptions options = {}) {
  using T = typename detail::TaskOf<Function>::Value;
  return spawn(detail::owning_call<Function, T>(std::move(function)), options);
}

/// Starts a task that inherits nothing: generic executor, medium priority, no task-locals.
template <class T>
TaskHandle<T> spawn_detached(Task<T> body [[clang::lifetime_capture_by(global)]], SpawnOptions options = {}) {
  auto* task = new detail::Spawned<T>(detail::runtime_for(options), std::move(body));
  task->start(options, detail::SpawnedBase::Inherit::no, task->frame());
  return TaskHandle<T>(*task);
}
template <detail::TaskFunction Function>
auto spawn_detached(Function function, SpawnOptions options = {}) {
  using T = typename detail::TaskOf<Function>::Value;
  return spawn_detached(detail::owning_call<Function, T>(std::move(function)), options);
}

/// Starts a task at once, on this thread and executor, until it first suspends; then it goes on as a spawned one.
template <class T>
TaskHandle<T> spawn_immediate(Task<T> body [[clang::lifetime_capture_by(global)]], SpawnOptions options = {}) {
  auto* task = new detail::Spawned<T>(detail::runtime_for(options), std::move(body));
  task->start_immediate(options, task->frame());
  return TaskHandle<T>(*task);
}

}  // namespace crank
