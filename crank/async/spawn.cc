#include "crank/async/spawn.h"

#include "crank/async/misuse.h"
#include "crank/async/task_local.h"
#include "crank/async/trace.h"

namespace crank::detail {

Runtime& runtime_for(const SpawnOptions& options) noexcept {
  Runtime* runtime = options.runtime ? options.runtime : current_runtime();
  if (!runtime) misuse("spawn outside of any runtime: name one with SpawnOptions{.runtime = ...}");
  return *runtime;
}

SpawnedBase::SpawnedBase(Runtime& home, Settle settle, Destroy destroy) noexcept
    : TaskRecord(home, completed), settle_(settle), destroy_(destroy) {
  trace(TraceEvent::task_created, this);
}

bool SpawnedBase::add_waiter(JoinWaiter& waiter) noexcept {
  JoinWaiter* seen = waiters_.load(std::memory_order_acquire);
  do {
    if (seen == finished()) return false;
    waiter.next = seen;
  } while (!waiters_.compare_exchange_weak(seen, &waiter, std::memory_order_release, std::memory_order_acquire));
  return true;
}

void SpawnedBase::completed(void* self) {
  auto& task = static_cast<SpawnedBase&>(TaskRecord::ended(self));
  task.settle_(task);
  thread_state().task = nullptr;
  release_copied_locals(task);
  [[clang::musttail]] return go_on(task.joined().address());
}

std::coroutine_handle<> SpawnedBase::joined() noexcept {
  JoinWaiter* waiter = waiters_.exchange(finished(), std::memory_order_acq_rel);
  std::coroutine_handle<> next = nothing_to_resume();
  if (waiter) {
    // The task that waited longest goes on here if it may; the others are enqueued.
    while (waiter) {
      JoinWaiter* following = waiter->next;
      if (waiter->notify)
        waiter->notify(*waiter);
      else if (following)
        resume_later(*waiter->task);
      else
        next = transfer(*waiter->task, waiter->task->executor);
      waiter = following;
    }
  }
  release();
  return next;
}

void SpawnedBase::prepare(const SpawnOptions& options, Inherit inherit, std::coroutine_handle<> root) noexcept {
  PromiseBase& promise = PromiseBase::of(root);
  resume_point = root;
  name_ = options.name;
  if (name_) status.fetch_or(named_bit, std::memory_order_relaxed);
  preference = runtime->unless_own(options.preference);
  ThreadState& thread = thread_state();
  TaskRecord* from = inherit == Inherit::yes ? thread.task : nullptr;
  if (from) {
    priority = static_cast<Priority>(from->priority);
    copy_locals(*this, *from);
  }
  if (options.priority) priority = *options.priority;
  ExecutorRef here = inherit == Inherit::yes && thread.turn ? thread.turn->executor : ExecutorRef::generic();
  executor = promise.isolation ? start_of(*promise.isolation, *runtime) : options.executor.value_or(here);
  if (executor.is_immediate()) executor = ExecutorRef::generic();
  promise.make_root(*this);
  trace(TraceEvent::task_spawned, this, here, executor);
}

void SpawnedBase::start(const SpawnOptions& options, Inherit inherit, std::coroutine_handle<> root) noexcept {
  prepare(options, inherit, root);
  enqueue(*runtime, executor, *this);
}

void SpawnedBase::start_immediate(const SpawnOptions& options, std::coroutine_handle<> root) noexcept {
  prepare(options, Inherit::yes, root);
  ThreadState& thread = thread_state();
  ExecutorRef here = thread.turn ? thread.turn->executor : ExecutorRef::generic();
  // On the serial executor the starter stands on, the body is covered by the starter's own turn; generic code runs under
  // the synchronous-start executor. Somebody else's executor cannot be entered from here.
  if (!here.same_context(executor)) return enqueue(*runtime, executor, *this);
  TaskRecord* starter = thread.task;
  TurnScope scope(here.is_generic() ? ExecutorRef::for_synchronous_start() : here, runtime,
                  thread.turn ? thread.turn->task_executor : nullptr);
  if (!here.is_generic() && here.is_default_actor()) scope.turn().yield_requested = true;
  run(this);
  thread_state().task = starter;
}

}  // namespace crank::detail
