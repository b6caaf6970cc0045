// Built-ins about cooperative threads: index, new-indirect, resume-later, suspend, and those that also say who runs next.
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/task.h"
#include "crank/component/thread_table.h"

namespace crank::component::detail {

using engine::RawVal;

std::uint32_t ThreadTable::add(Call& thread) {
  if (threads_.empty()) threads_.push_back(nullptr);
  if (free_.empty()) {
    threads_.push_back(&thread);
    return static_cast<std::uint32_t>(threads_.size() - 1);
  }
  std::uint32_t index = free_.back();
  free_.pop_back();
  threads_[index] = &thread;
  return index;
}

Result<Call*> ThreadTable::get(std::uint32_t index) const {
  if (index >= threads_.size() || !threads_[index]) return fail(Code::trap, concat("unknown thread index ", index));
  return threads_[index];
}

void ThreadTable::remove(std::uint32_t index) {
  threads_[index] = nullptr;
  free_.push_back(index);
}

Call& task_of(Call& thread) noexcept { return thread.owner ? *thread.owner : thread; }

Call* cancellable_thread(Call& task) noexcept {
  Call* found = nullptr;
  task.lift->instance->threads.for_each([&](Call& thread) {
    if (!found && thread.owner == &task && thread.cancellable && thread.waits != Waits::nowhere) found = &thread;
  });
  return found;
}

void drop_threads(InstanceState& instance) {
  instance.threads.for_each([](Call& thread) {
    if (!thread.owner) return;
    if (thread.queued) group_of(thread).ready.remove(thread);
    abandon_wait(thread);
    thread.fiber.reset();
    release_call(thread);
  });
  instance.threads.clear();
}

namespace {

Result<> no_threads_here() {
  return fail(Code::unsupported, "threads are not available in start functions and destructors");
}

// Implicit threads are listed once somebody asks for them.
std::uint32_t index_of(Call& thread) {
  if (!thread.thread_index) thread.thread_index = thread.lift->instance->threads.add(thread);
  return thread.thread_index;
}

Result<> thread_index(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Call& thread = current_task(*e.instance);
  if (!thread.lift) return no_threads_here();
  v[0].u64 = index_of(thread);
  return {};
}

Result<engine::Func> start_function(LowerState& e, std::uint32_t element) {
  const CoreDef& definition = *e.spec->table;
  RootState::CoreInstance& from = e.instance->root->core_instances[definition.index];
  CRANK_TRY(engine::Table table, from.group->store->table(from.instance, definition.name));
  if (element >= from.group->store->table_size(table))
    return fail(Code::trap, concat("thread.new-indirect: the table has no element ", element));
  CRANK_TRY(engine::Func function, from.group->store->table_get(table, element));
  if (!function) return fail(Code::trap, concat("thread.new-indirect: element ", element, " of the table is null"));
  engine::FuncType type = from.group->store->type_of(function);
  bool wide = e.spec->params.size() == 2 && e.spec->params[1] == CoreType::i64;
  if (type != engine::FuncType::of(wide ? "I" : "i", ""))
    return fail(Code::trap, concat("thread.new-indirect: element ", element, " has another type: ", type.to_string()));
  return function;
}

Result<> thread_new(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  Call& current = current_task(instance);
  if (!current.lift) return no_threads_here();
  CRANK_TRY(engine::Func function, start_function(e, v[0].u32));
  Call& task = task_of(current);
  if (task.extra_threads >= instance.root->options.limits.tasks)
    return fail(Code::limit, concat("a task of component instance ", instance.name(), " has ", task.extra_threads,
                                    " threads, the most it may"));
  index_of(current);
  RawVal argument[1] = {v[1]};
  CRANK_TRY(engine::FiberRef fiber, instance.group->store->start(function, argument, 1));
  Call& thread = *instance.group->new_call();
  thread.lift = task.lift;
  thread.owner = &task;
  thread.waits = Waits::suspended;
  thread.fiber = std::move(fiber);
  thread.fiber->preemptible = false;
  ++task.extra_threads;
  v[0].u64 = index_of(thread);
  return {};
}

Result<Call*> suspended_thread(LowerState& e, std::uint32_t index) {
  CRANK_TRY(Call * thread, e.instance->threads.get(index));
  if (thread->waits != Waits::suspended)
    return fail(Code::trap, concat("cannot resume thread ", index, ", which is not suspended"));
  return thread;
}

// A thread without a fiber is below on this very stack: it looks again once those above it have suspended.
void make_runnable(Call& thread) {
  if (!thread.fiber) {
    thread.waits = Waits::nowhere;
    return;
  }
  thread.waits = Waits::stack_yielded;
  group_of(thread).make_ready(thread);
}

Result<> thread_resume_later(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  CRANK_TRY(Call * thread, suspended_thread(e, v[0].u32));
  make_runnable(*thread);
  return {};
}

// definitions.py, Thread.ready.
bool is_ready(const Call& thread) {
  const InstanceState& instance = *thread.lift->instance;
  switch (thread.waits) {
    case Waits::stack_yielded: return true;
    case Waits::stack_on_waitable: return thread.awaited->has_event;
    case Waits::stack_on_set: return thread.Call::set->has_event();
    case Waits::yielded: return !instance.exclusive;
    case Waits::on_set: return !instance.exclusive && thread.Call::set->has_event();
    default: return false;
  }
}

// What a suspending built-in does after it has looked at its operands: `next` runs in its place, if there is one.
Result<bool> block(LowerState& e, RawVal* v, bool yields, Call* next) {
  InstanceState& instance = *e.instance;
  Call& thread = current_task(instance);
  if (!thread.lift) return fail(no_threads_here().error());
  v[0].u64 = 0;
  index_of(thread);
  if (instance.group->store->can_suspend()) {
    thread.waits = Waits::suspended;
    thread.cancellable = e.spec->cancellable;
    thread.switch_to = next;
    if (yields) make_runnable(thread);
    return false;
  }
  if (thread.lift->type->async_) return fail(Code::trap, "cannot block a synchronous task before returning");
  thread.waits = yields ? Waits::nowhere : Waits::suspended;
  Activation* chain = instance.group->top;
  if (next) CRANK_TRY_VOID(resume_thread(*next, chain));
  while (thread.waits == Waits::suspended) {
    CRANK_TRY(bool ran, run_sibling(instance, chain));
    if (!ran)
      return fail(Code::trap,
                  "cannot block a synchronous task before returning (deadlock detected: event loop cannot make "
                  "further progress): no other thread of this component instance is ready");
  }
  return true;
}

enum class Next { nobody, resume, promote };

template <bool yields, Next how>
Result<bool> thread_suspend(LowerState& e, RawVal* v, bool again) {
  InstanceState& instance = *e.instance;
  Call& thread = current_task(instance);
  if (again) {
    thread.waits = Waits::nowhere;
    thread.cancellable = false;
    v[0].u64 = std::exchange(thread.cancelled_wake, false);
    return true;
  }
  CRANK_TRY_VOID(check_may_leave(instance));
  Call* next = nullptr;
  if constexpr (how == Next::resume) {
    CRANK_TRY(next, suspended_thread(e, v[0].u32));
  } else if constexpr (how == Next::promote) {
    CRANK_TRY(next, instance.threads.get(v[0].u32));
    if (!is_ready(*next)) next = nullptr;
  }
  if (thread.lift && deliver_pending_cancel(thread, e.spec->cancellable)) {
    v[0].u64 = 1;
    return true;
  }
  return block(e, v, yields, next);
}

}  // namespace

CanonFunction canon_thread(const LowerState& env) {
  switch (env.spec->op) {
    case Builtin::thread_index: return {.plain = plain_trampoline<thread_index>};
    case Builtin::thread_new_indirect: return {.plain = plain_trampoline<thread_new>};
    case Builtin::thread_resume_later: return {.plain = plain_trampoline<thread_resume_later>};
    case Builtin::thread_suspend: return {.blocking = blocking_trampoline<thread_suspend<false, Next::nobody>>};
    case Builtin::thread_suspend_then_resume:
      return {.blocking = blocking_trampoline<thread_suspend<false, Next::resume>>};
    case Builtin::thread_suspend_then_promote:
      return {.blocking = blocking_trampoline<thread_suspend<false, Next::promote>>};
    case Builtin::thread_yield_then_resume:
      return {.blocking = blocking_trampoline<thread_suspend<true, Next::resume>>};
    case Builtin::thread_yield_then_promote:
      return {.blocking = blocking_trampoline<thread_suspend<true, Next::promote>>};
    default: return {};
  }
}

}  // namespace crank::component::detail
