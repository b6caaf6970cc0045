#include "crank/component/task.h"

#include <cstring>

#include "crank/async/runtime.h"
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/task_internal.h"

namespace crank::component::detail {

using engine::RawVal;

Group& group_of(const Call& task) noexcept { return *task.lift->instance->group; }

namespace {

void list_task(Call& c) {
  InstanceState& instance = *c.lift->instance;
  c.listed = true;
  c.previous_task = nullptr;
  c.next_task = instance.first_task;
  if (c.next_task) c.next_task->previous_task = &c;
  instance.first_task = &c;
  ++instance.tasks;
  if (!std::exchange(c.counted, true)) instance.root->task_began();
}

}  // namespace

void unlist_task(Call& c) {
  InstanceState& instance = *c.lift->instance;
  (c.previous_task ? c.previous_task->next_task : instance.first_task) = c.next_task;
  if (c.next_task) c.next_task->previous_task = c.previous_task;
  c.listed = false;
  if (c.queued) {
    c.queued = false;
    if (!instance.group->ready.remove(c)) instance.held.remove(c);
  }
  if (c.thread_index) instance.threads.remove(std::exchange(c.thread_index, 0));
  --instance.tasks;
  c.finished = true;
  c.counted = false;
  instance.root->task_ended();
  // A nested call's trampoline looks at the call once more and recycles it.
  if (!c.nested) release_call(c);
}

namespace {

bool gate_closed(const Call& c) {
  const InstanceState& instance = *c.lift->instance;
  return instance.backpressure > 0 || (c.lift->needs_exclusive && instance.exclusive != nullptr);
}

}  // namespace

// ---- beginning ------------------------------------------------------------------------------------------------------

Result<> run_core(Call& c, const engine::Func& function, RawVal* v, std::size_t slots, std::size_t arguments,
                  Activation* chain);

namespace {

// Only a call on the caller's stack enters from it; later turns enter from the host (definitions.py, Store.tick).
InstanceState* entering_caller(const Call& c) { return c.nested ? c.caller : nullptr; }

// The caller's core values become the callee's; both executors are held.
Result<std::uint32_t> pass_arguments(Call& c, RawVal* v, Activation* chain) {
  const LiftState& lift = *c.lift;
  Slots out(v, max_flat_params + 1, sizeof(RawVal));
  if (c.lifted) {
    if (c.flat) {
      for (std::uint32_t i = 0; i < lift.signature.param_count; ++i) v[i].u64 = c.raw[i];
      return lift.signature.param_count;
    }
    Side callee(*lift.instance, lift.options, &c, chain);
    return lower_parameters(callee.context, *lift.type, c.arguments, out);
  }
  Side caller(*c.caller, c.lower->options, &c, chain);
  Side callee(*lift.instance, lift.options, &c, chain);
  return copy_parameters(caller.context, *c.lower->type, c.lower->async_, c.slots, callee.context, *lift.type, out);
}

void tell_started(Call& c, const Activation* chain) {
  if (c.nested || !c.caller) {
    c.state = SubtaskState::started;
    return;
  }
  if (c.state == SubtaskState::started) return;
  if (here(c, chain, *c.caller->group)) {
    c.state = SubtaskState::started;
    set_event(c);
    return;
  }
  post_started(c);
}

}  // namespace

Result<> begin(Call& c, Activation* chain) {
  const LiftState& lift = *c.lift;
  RawVal v[max_flat_params + 2];
  if (!c.lifted && c.lower->scalar_params && c.nested) {
    for (std::uint32_t i = 0; i < lift.signature.param_count; ++i) v[i].u64 = c.slots.i64(i);
  } else {
    Hold hold_caller(chain, c.lifted || c.nested ? *lift.instance->group : *c.caller->group, lift.instance->group);
    if (!c.lifted && !c.nested && !hold_caller) {
      c.waits = Waits::for_arguments;
      post_lift(c);
      return {};
    }
    Activation lowering(*lift.instance->group, *lift.instance, entering_caller(c), &c, chain);
    CRANK_TRY_VOID(pass_arguments(c, v, &lowering));
    if (hold_caller.entered()) {
      // Told at once, on the caller's executor: once only (tell_started below sees the state).
      c.state = SubtaskState::started;
      set_event(c);
    }
  }
  c.arguments.clear();
  c.flat = false;
  if (c.task == TaskState::initial) c.task = TaskState::started;
  c.entered = true;
  tell_started(c, chain);
  return run_core(c, lift.core, v, lift.slots, lift.signature.param_count, chain);
}

Result<> start_task(Call& c, const Activation* chain) {
  const LiftState& lift = *c.lift;
  InstanceState& instance = *lift.instance;
  if (!lift.resolved) return fail(Code::trap, "a function was called before its component instance was instantiated");
  if (instance.tasks >= instance.root->options.limits.tasks)
    return fail(Code::limit, concat("component instance ", instance.name(), " has ", instance.tasks,
                                    " calls in flight, the most it may"));
  list_task(c);
  if (lift.type->async_) {
    if (gate_closed(c) || !instance.entry.empty()) {
      c.waits = Waits::at_gate;
      instance.entry.push(c);
      instance.publish_gate();
      return {};
    }
    if (lift.needs_exclusive) instance.exclusive = &c;
  }
  return begin(c, const_cast<Activation*>(chain));
}

void admit_waiting(InstanceState& instance) {
  RootState& root = *instance.root;
  while (Call* c = instance.entry.front()) {
    if (root.dead() || gate_closed(*c)) return;
    instance.entry.pop();
    instance.publish_gate();
    c->waits = Waits::nowhere;
    if (c->lift->needs_exclusive) instance.exclusive = c;
    if (auto r = begin(*c, nullptr); !r) return root.die(std::move(r).error(), c);
    if (instance.group->parked) return instance.group->reconsider(instance);
  }
}

// ---- core code ------------------------------------------------------------------------------------------------------

namespace {

// The implicit thread is done; the task, if it is the last.
Result<> exit_task(Call& c) {
  InstanceState& instance = *c.lift->instance;
  if (c.extra_threads > 0) {
    c.implicit_done = true;
    c.waits = Waits::nowhere;
    if (instance.exclusive == &c) release_exclusive(instance);
    return {};
  }
  if (c.task != TaskState::resolved)
    return fail(Code::trap, concat("async-lifted export failed to produce a result: the task of ", c.lift->spec->name,
                                   " ended without task.return or task.cancel"));
  if (instance.exclusive == &c) release_exclusive(instance);
  unlist_task(c);
  return {};
}

Result<> after_callback(Call& c, std::uint32_t packed) {
  InstanceState& instance = *c.lift->instance;
  Group& group = *instance.group;
  switch (packed & 15) {
    case 0: return exit_task(c);
    case 1:
      c.waits = Waits::yielded;
      group.make_ready(c);
      break;
    case 2: {
      auto entry = instance.handles.get(packed >> 4, EntryKind::waitable_set);
      if (!entry) return fail(std::move(entry).error());
      c.waits = Waits::on_set;
      c.Call::set = (*entry)->set;
      add_waiter(*c.Call::set, c);
      if (c.Call::set->has_event()) group.make_ready(c);
      break;
    }
    default: return fail(Code::trap, concat("unsupported callback code ", packed & 15, ": 0 is exit, 1 yield, 2 wait"));
  }
  c.cancellable = true;
  // A cancellation that came while the code ran is told at this point, which is cancellable.
  if (c.task == TaskState::pending_cancel) {
    c.task = TaskState::cancel_delivered;
    c.cancelled_wake = true;
    group.make_ready(c);
  }
  release_exclusive(instance);
  return {};
}

Result<> finish_core(Call& c, RawVal* v, Activation* chain) {
  if (c.owner) return exit_thread(c);
  const LiftState& lift = *c.lift;
  if (c.in_callback || lift.callback) return after_callback(c, v[0].u32);
  if (lift.async_) return exit_task(c);
  InstanceState& instance = *lift.instance;
  RawVal kept = v[0];
  // The host hears of the result once nothing of the call can trap any more.
  auto* tell_host = lift.options->post_return ? std::exchange(c.on_resolved, nullptr) : nullptr;
  Result<> returned;
  {
    Activation returning(*instance.group, instance, entering_caller(c), &c, chain);
    returned = give_result(c, *lift.options, Slots(v, 1, sizeof(RawVal)), max_flat_results);
    if (returned && lift.options->post_return) {
      instance.may_leave = false;
      v[0] = kept;
      returned = instance.group->store->call(lift.options->post_return, v, 1);
      instance.may_leave = true;
    }
  }
  if (tell_host) {
    c.on_resolved = tell_host;
    if (!returned && c.task == TaskState::resolved) c.failure = returned.error();
    if (c.task == TaskState::resolved) tell_host(c);
  }
  if (!returned) return returned;
  return exit_task(c);
}

}  // namespace

Result<> poll(Call& c, Activation* chain) {
  InstanceState& instance = *c.lift->instance;
  Group& group = *instance.group;
  engine::Fiber::State state;
  {
    Activation running(group, instance, entering_caller(c), &c, chain);
    running.fiber_base = true;
    state = c.fiber->poll();
  }
  switch (state) {
    case engine::Fiber::State::done: {
      Result<> result = c.fiber->result();
      RawVal v[max_flat_params + 2];
      if (result) v[0] = c.fiber->values().empty() ? RawVal{} : c.fiber->values()[0];
      c.fiber.reset();
      if (!result) return result;
      c.waits = Waits::nowhere;
      instance.publish_gate();
      return finish_core(c, v, chain);
    }
    case engine::Fiber::State::preempted:
      c.lift->statistics->is_long.store(true, std::memory_order_relaxed);
      c.lift->statistics->calls.store(0, std::memory_order_relaxed);
      c.lift->statistics->overstayed.fetch_add(1, std::memory_order_relaxed);
      c.waits = Waits::preempted;
      group.parked = &c;
      instance.publish_gate();
      return {};
    default:
      instance.publish_gate();
      if (Call* next = std::exchange(c.switch_to, nullptr)) return resume_thread(*next, chain);
      return {};
  }
}

bool wants_fiber(const Call& c, const Activation* chain);
constexpr std::uint32_t watched_calls = 16;

Result<> run_core(Call& c, const engine::Func& function, RawVal* v, std::size_t slots, std::size_t arguments,
                  Activation* chain) {
  InstanceState& instance = *c.lift->instance;
  Group& group = *instance.group;
  if (wants_fiber(c, chain)) {
    CRANK_TRY(c.fiber, group.store->start(function, {v, arguments}, slots));
    // On a chain that holds this group below, the executor cannot be handed to another worker.
    c.fiber->preemptible = !holds(chain, group);
    return poll(c, chain);
  }
  {
    Activation running(group, instance, entering_caller(c), &c, chain);
    CRANK_TRY_VOID(group.store->call(function, v, slots));
  }
  return finish_core(c, v, chain);
}

Result<> call_core(InstanceState& instance, InstanceState* caller, Call& task, Activation* chain,
                   const engine::Func& function, RawVal* values, std::size_t count) {
  Activation running(*instance.group, instance, caller, &task, chain);
  return instance.group->store->call(function, values, count);
}

// C3, C4. What may block needs a stack of its own. So does a long function, which can be preempted there: known by its
// first calls from another group, or by having overstayed off a fiber. Short ones are called plainly, which is cheapest.
bool wants_fiber(const Call& c, const Activation* chain) {
  const LiftState& lift = *c.lift;
  if (!lift.type->async_) return false;
  if (lift.instance->group->may_block) return true;
  // Overstaying begins the watch anew, so a function that was only unlucky (its thread was taken away) is soon trusted again.
  LiftStatistics& statistics = *lift.statistics;
  // A task that is told to stop will tell its own calls, most toolchains synchronously: that may block.
  if (c.task == TaskState::cancel_delivered || statistics.cancels.load(std::memory_order_relaxed)) [[unlikely]]
    return true;
  const std::uint32_t watched = statistics.calls.load(std::memory_order_relaxed);
  if (watched >= watched_calls) [[likely]]
    return false;
  if (!c.nested && !statistics.is_long.load(std::memory_order_relaxed)) return false;
  if (holds(chain, *lift.instance->group)) return false;
  statistics.calls.store(watched + 1, std::memory_order_relaxed);
  if (watched + 1 == watched_calls) statistics.is_long.store(false, std::memory_order_relaxed);
  return true;
}

// ---- going on -------------------------------------------------------------------------------------------------------

namespace {

Result<> run_callback(Call& c, Event event, Activation* chain) {
  InstanceState& instance = *c.lift->instance;
  c.waits = Waits::nowhere;
  c.cancellable = false;
  c.in_callback = true;
  instance.exclusive = &c;
  RawVal v[3];
  v[0].u64 = static_cast<std::uint32_t>(event.code);
  v[1].u64 = event.index;
  v[2].u64 = event.payload;
  return run_core(c, c.lift->options->callback, v, 3, 3, chain);
}

}  // namespace

Result<> go_on(Call& c, Activation* chain) {
  InstanceState& instance = *c.lift->instance;
  switch (c.waits) {
    case Waits::yielded:
    case Waits::on_set: {
      if (!c.cancelled_wake && c.waits == Waits::on_set && !c.Call::set->has_event()) return {};
      if (instance.exclusive) {
        c.queued = true;
        instance.held.push(c);
        return {};
      }
      Event event;
      bool waited = c.waits == Waits::on_set;
      WaitableSet* set = std::exchange(c.Call::set, nullptr);
      if (waited) remove_waiter(*set, c);
      if (c.cancelled_wake) {
        c.cancelled_wake = false;
        event = {EventCode::task_cancelled, 0, 0};
      } else if (waited) {
        Activation delivering(*instance.group, instance, nullptr, &c, chain);
        CRANK_TRY(event, deliver_event(*set, instance, &delivering));
      }
      return run_callback(c, event, chain);
    }
    case Waits::stack_on_set:
      if (!c.cancelled_wake && !c.Call::set->has_event()) return {};
      return poll(c, chain);
    case Waits::stack_on_waitable:
      if (!c.awaited->has_event) return {};
      return poll(c, chain);
    case Waits::stack_yielded: return poll(c, chain);
    case Waits::suspended: return c.cancelled_wake ? poll(c, chain) : Result<>{};
    default: return {};
  }
}

Result<> resume_thread(Call& thread, Activation* chain) {
  if (thread.waits == Waits::suspended) {
    // Without a fiber it is below on this very stack, and goes on when those above it have suspended.
    thread.waits = thread.fiber ? Waits::stack_yielded : Waits::nowhere;
  }
  return go_on(thread, chain);
}

Result<> exit_thread(Call& thread) {
  Call& task = *thread.owner;
  if (task.extra_threads == 1 && task.implicit_done && task.task != TaskState::resolved)
    return fail(Code::trap, concat("the last thread of a task of ", task.lift->spec->name,
                                   " ended without task.return or task.cancel"));
  InstanceState& instance = *task.lift->instance;
  instance.threads.remove(thread.thread_index);
  if (thread.queued) instance.group->ready.remove(thread);
  --task.extra_threads;
  release_call(thread);
  if (task.extra_threads == 0 && task.implicit_done) unlist_task(task);
  return {};
}

void run_ready(Call& c, Activation* chain) {
  c.queued = false;
  RootState& root = group_of(c).root;
  if (auto r = go_on(c, chain); !r) root.die(std::move(r).error(), &c);
}

Result<bool> run_sibling(InstanceState& instance, Activation* chain) {
  Group& group = *instance.group;
  for (std::uint32_t n = group.ready.size(); n != 0; --n) {
    Call* c = group.ready.pop();
    bool mine = c->lift->instance == &instance && c != instance.exclusive;
    bool can_run = mine && (c->cancelled_wake || c->waits == Waits::stack_yielded ||
                            (c->waits == Waits::stack_on_waitable && c->awaited->has_event) ||
                            (c->waits == Waits::stack_on_set && c->Call::set->has_event()) ||
                            (!instance.exclusive &&
                             (c->waits == Waits::yielded || (c->waits == Waits::on_set && c->Call::set->has_event()))));
    if (!can_run) {
      group.ready.push(*c);
      continue;
    }
    c->queued = false;
    CRANK_TRY_VOID(go_on(*c, chain));
    return true;
  }
  return false;
}

void release_exclusive(InstanceState& instance) {
  instance.exclusive = nullptr;
  while (Call* c = instance.held.pop()) instance.group->ready.push(*c);
  if (!instance.entry.empty()) instance.group->reconsider(instance);
}

}  // namespace crank::component::detail
