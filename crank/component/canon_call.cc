// `canon lower`: a guest calls what fills its import: another component instance, one of another root, or the host.
#include "crank/component/canon_call.h"
#include "crank/async/runtime.h"
#include "crank/component/block.h"
#include "crank/component/canon.h"
#include "crank/component/failure.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/slot.h"
#include "crank/component/task.h"

namespace crank::component::detail {

using engine::RawVal;

Result<LiftState*> find_callee(LowerState& l) {
  if (l.target->kind == Target::lifted) [[likely]]
    return l.target->lift;
  return l.target->slot->callee(l.target->edge_lift, l.instance->group->top);
}

Result<> answer_dead(Call& c, Error error) {
  c.task = TaskState::resolved;
  c.failure = std::move(error);
  c.outcome = c.state = SubtaskState::returned;
  c.flat = c.lowered = false;
  return {};
}

namespace {

Call& prepare(LowerState& l, RawVal* v) {
  Call& c = *l.instance->group->new_call();
  c.kind = EntryKind::subtask;
  c.caller = l.instance;
  c.lower = &l;
  c.slots = Slots(v, max_flat_params + 1, sizeof(RawVal));
  if (l.signature.result_in_memory) c.out_pointer = v[l.arguments].u32;
  return c;
}

void keep_slots(Call& c, const LowerState& l) {
  for (std::uint32_t i = 0; i < l.arguments; ++i) c.raw[i] = c.slots.i64(i);
  c.slots = Slots(std::span<std::uint64_t>(c.raw, 17));
}

void give_back_lenders(Call& c) {
  for (std::uint32_t index : c.lenders)
    if (Entry* entry = c.caller->handles.find(index)) --entry->lends;
  c.lenders.clear();
}

}  // namespace

void deliver_start(Call& c) {
  Group& group = group_of(c);
  if (!group.root.dead()) {
    auto r = start_task(c, nullptr);
    if (r) return;
    group.root.die(std::move(r).error(), &c);
    if (c.listed || c.finished) return;  // taking down answers, or it was answered
  }
  c.task = TaskState::resolved;
  c.outcome = SubtaskState::returned;
  c.failure = group.root.dead_error();
  if (!c.caller)
    c.on_resolved(c);
  else if (!c.caller->root->dead())
    post_resolved(c);
  if (std::exchange(c.counted, false)) group.root.task_ended();
  release_call(c);
}

namespace {

// The call outlives its trampoline.
void keep(Call& c) {
  c.references.store(2, std::memory_order_relaxed);
  if (!c.callee_root) return;
  c.caller_root = c.caller->root;
  c.caller_root->retain();
}

// The callee's executor is busy elsewhere: C3. Answers once its arguments are out of the caller's hands, or will be.
Result<> enqueue_call(LowerState& l, Call& c, LiftState& lift, Activation* chain) {
  if (lift.instance->gate_open.load(std::memory_order_relaxed)) {
    if (l.scalar_params && lift.scalar_params) {
      for (std::uint32_t i = 0; i < l.arguments; ++i) c.raw[i] = c.slots.i64(i);
      c.flat = true;
    } else {
      Side caller(*l.instance, l.options, &c, chain);
      CRANK_TRY(c.arguments, lift_parameters(caller.context, *l.type, l.async_, c.slots));
    }
    c.lifted = true;
    c.state = SubtaskState::started;
  } else {
    keep_slots(c, l);
  }
  keep(c);
  post_to_callee(c.start_message, c, deliver_start);
  return {};
}

// Starts the call; afterwards it is resolved (c.state says so), or under way with two references.
Result<> start_guest(LowerState& l, Call& c, LiftState& lift) {
  InstanceState& caller = *l.instance;
  Activation* chain = caller.group->top;
  Group& group = *lift.instance->group;
  c.lift = &lift;
  RootState& callee_root = *lift.instance->root;
  const bool across = &callee_root != caller.root;
  if (across) {
    c.callee_root = &callee_root;  // the reference, and the count, came from the slot
    c.counted = true;
  }
  Hold hold(chain, group);
  while (!hold && !l.type->async_) hold.wait();
  if (!hold) return enqueue_call(l, c, lift, chain);
  if (!may_enter(chain, *lift.instance, &caller))
    return fail(Code::trap, concat("cannot enter component instance ", lift.instance->name(),
                                   ": it is already on this call's stack"));
  if (across && callee_root.dead()) return answer_dead(c, callee_root.dead_error());
  c.nested = true;
  Result<> r = start_task(c, chain);
  if (!r) [[unlikely]] {
    c.nested = false;
    if (c.listed) keep(c);
    callee_root.die(r.error(), &c);
    if (!across) return r;
    return answer_dead(c, std::move(r).error());
  }
  if (!c.finished) {
    keep(c);
    if (!c.entered) keep_slots(c, l);
    if (c.task == TaskState::resolved) c.caller = nullptr;  // the rest of the task is nobody's subtask
  }
  c.nested = false;
  if (group.parked == &c) park(hold, c);
  return {};
}

// ---- the host as callee ---------------------------------------------------------------------------------------------

HostCall host_call(const LowerState& l) {
  return HostCall(l.instance->root->handle.lock(), l.instance->name(), *l.target->import,
                  l.instance->root->options.data);
}

Result<> call_plain(LowerState& l, RawVal* v) {
  InstanceState& instance = *l.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  Activation* chain = instance.group->top;
  Call& c = prepare(l, v);
  Side caller(instance, l.options, &c, chain);
  auto done = [&]() -> Result<> {
    CRANK_TRY(std::vector<Value> arguments, lift_parameters(caller.context, *l.type, l.async_, c.slots));
    HostCall call = host_call(l);
    auto result = l.target->plain(call, arguments);
    if (!result)
      return fail(std::move(result).error().wrap(Code::trap, concat("the host function ", l.target->import->interface,
                                                                    "#", l.target->import->name, " failed")));
    arguments.clear();
    give_back_lenders(c);
    if (instance.root->dead()) return fail(instance.root->dead_error());
    caller.context.memory = caller.memory();
    auto lowered = lower_result(caller.context, *l.type, l.async_ ? 0 : max_flat_results, *std::move(result),
                                c.out_pointer, Slots(v, 1, sizeof(RawVal)));
    if (!lowered) return fail(std::move(lowered).error());
    return {};
  };
  Result<> r = done();
  instance.group->recycle(c);
  if (l.async_ && r) v[0].u64 = static_cast<std::uint32_t>(SubtaskState::returned);
  return r;
}

Task<void> serve_host_call(Call* c, RootState* root, HostCall call, const AsyncHostFunction* body,
                           std::vector<Value> arguments) {
  Result<Value> result = co_await (*body)(std::move(call), std::move(arguments));
  if (result) {
    c->result = *std::move(result);
    c->outcome = SubtaskState::returned;
  } else if (result.error().code() == Code::cancelled) {
    c->outcome = SubtaskState::cancelled_before_returned;
    c->failure = std::move(result).error();
  } else {
    c->outcome = SubtaskState::returned;
    c->failure = std::move(result).error();
  }
  // The guest's trampoline still looks (0), or the guest went on (1) and is told by a message.
  if (c->host_state.exchange(2, std::memory_order_acq_rel) == 1) {
    post_resolved(*c);
    root->domain().end();
  }
  release_call(*c);
  root->release();
}

Result<> start_host(LowerState& l, Call& c) {
  InstanceState& instance = *l.instance;
  RootState& root = *instance.root;
  Side caller(instance, l.options, &c, instance.group->top);
  CRANK_TRY(std::vector<Value> arguments, lift_parameters(caller.context, *l.type, l.async_, c.slots));
  c.state = SubtaskState::started;
  c.references.store(2, std::memory_order_relaxed);
  root.retain();  // the function may outlive the guests that called it
  {
    // Generic code, not the guest's: where it suspends it goes on off this executor.
    crank::detail::TurnScope generic(ExecutorRef::for_synchronous_start(), &root.runtime);
    c.host_task.emplace(
        spawn_immediate(serve_host_call(&c, &root, host_call(l), &l.target->async, std::move(arguments)),
                        {.name = "host function", .runtime = &root.runtime}));
  }
  root.domain().begin();
  std::uint8_t starting = 0;
  if (!c.host_state.compare_exchange_strong(starting, 1, std::memory_order_acq_rel)) {
    root.domain().end();
    c.state = c.outcome;
  }
  return {};
}

// ---- the trampolines ------------------------------------------------------------------------------------------------

Result<> start_any(LowerState& l, Call& c) {
  if (l.instance->root->dead()) [[unlikely]]
    return fail(l.instance->root->dead_error());
  if (l.target->kind == Target::host_async) return start_host(l, c);
  auto lift = find_callee(l);
  if (!lift) return answer_dead(c, std::move(lift).error());
  return start_guest(l, c, **lift);
}

Result<> lower_async(LowerState& l, RawVal* v) {
  InstanceState& instance = *l.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  Call& c = prepare(l, v);
  if (Result<> r = start_any(l, c); !r) [[unlikely]] {
    release_call(c);
    return r;
  }
  if (is_resolved(c.state)) {
    c.caller = &instance;
    Result<> r = deliver_resolved(c, 0, {}, instance.group->top);
    c.caller = nullptr;
    finish_call(c, *instance.group);
    v[0].u64 = static_cast<std::uint32_t>(SubtaskState::returned);
    return r;
  }
  Entry entry;
  entry.kind = EntryKind::subtask;
  entry.waitable = &c;
  CRANK_TRY(c.index, instance.handles.add(entry));
  c.has_index = true;
  v[0].u64 = static_cast<std::uint32_t>(c.state) | c.index << 4;
  return {};
}

Result<bool> lower_sync(LowerState& l, RawVal* v, bool again) {
  InstanceState& instance = *l.instance;
  Call* call = nullptr;
  if (!again) {
    CRANK_TRY_VOID(check_may_leave(instance));
    call = &prepare(l, v);
    if (Result<> r = start_any(l, *call); !r) [[unlikely]] {
      release_call(*call);
      return fail(std::move(r).error());
    }
  } else {
    call = static_cast<Call*>(current_task(instance).awaited);
  }
  Call& c = *call;
  if (!is_resolved(c.state)) {
    Result<bool> done = block_on(instance, c, [&] { return is_resolved(c.state); });
    if (!done) {
      unblock(instance, c);
      release_call(c);
      return done;
    }
    if (!*done) return false;
  }
  unblock(instance, c);
  clear_event(c);
  c.caller = &instance;
  Result<> r = deliver_resolved(c, max_flat_results, Slots(v, 1, sizeof(RawVal)), instance.group->top);
  c.caller = nullptr;
  finish_call(c, *instance.group);
  if (!r) return fail(std::move(r).error());
  return true;
}

Result<> lower_nested(LowerState& l, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*l.instance));
  if (l.instance->root->dead()) [[unlikely]]
    return fail(l.instance->root->dead_error());
  return call_nested(l, v, find_callee(l));
}

}  // namespace

// The callee never suspends, so neither does the caller.
Result<> call_nested(LowerState& l, RawVal* v, Result<LiftState*> lift) {
  InstanceState& instance = *l.instance;
  Call& c = prepare(l, v);
  Result<> r = lift ? start_guest(l, c, **lift) : answer_dead(c, std::move(lift).error());
  if (!r) [[unlikely]] {
    release_call(c);
    return r;
  }
  if (!is_resolved(c.state)) {
    release_call(c);
    return fail(Code::trap, "cannot block a synchronous task before returning");
  }
  c.caller = &instance;
  r = deliver_resolved(c, max_flat_results, Slots(v, 1, sizeof(RawVal)), instance.group->top);
  finish_call(c, *instance.group);
  return r;
}

Result<> deliver_resolved(Call& c, std::uint32_t max_flat, Slots out, Activation* chain) {
  c.delivered = true;
  give_back_lenders(c);
  if (c.outcome != SubtaskState::returned) return {};
  const LowerState& l = *c.lower;
  if (c.failure) [[unlikely]] {
    const bool from_host = l.target->kind == Target::host_async;
    std::optional<Value> value = from_host ? std::nullopt : failure_value(*l.type, *c.failure);
    if (!value) {
      std::string callee = concat(l.target->import ? l.target->import->interface : "", "#",
                                  l.target->import ? l.target->import->name : "");
      return fail(Error(*c.failure)
                      .wrap(Code::trap, from_host ? concat("the host function ", callee, " failed")
                                                  : concat("the component called through ", callee, " has ended")));
    }
    c.result = *std::move(value);
    c.flat = c.lowered = false;
  }
  if (!l.type->result) return {};
  if (c.lowered) {
    if (max_flat != 0 && !l.signature.result_in_memory) out.set(0, c.raw[0]);
    return {};
  }
  if (c.flat) {
    if (max_flat != 0) {
      out.set(0, c.raw[0]);
      return {};
    }
    return store_scalar(*c.caller, *l.options, c.out_pointer, l.type->result->size, c.raw[0]);
  }
  Side caller(*c.caller, l.options, nullptr, chain);
  auto r = lower_result(caller.context, *l.type, max_flat, std::move(c.result), c.out_pointer, out);
  if (!r) return fail(std::move(r).error());
  return {};
}

CanonFunction canon_call(const LowerState& env) {
  if (env.spec->op != Builtin::lower) return {};
  if (env.target->kind == Target::host_plain) return {.plain = plain_trampoline<call_plain>};
  if (env.async_) return {.plain = plain_trampoline<lower_async>};
  if (env.type->async_) return {.blocking = blocking_trampoline<lower_sync>};
  if (env.scalar_params && env.scalar_result) return {.plain = plain_trampoline<lower_numbers>};
  return {.plain = plain_trampoline<lower_nested>};
}

}  // namespace crank::component::detail
