// Built-ins about the current task and its instance: task.return, task.cancel, context, backpressure, thread.yield.
#include "crank/component/block.h"
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

using engine::RawVal;

namespace {

bool same_memory(const ResolvedOptions& a, const ResolvedOptions& b) {
  return a.base == b.base && bool(a.memory) == bool(b.memory);
}

Result<> task_return(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Call& c = task_of(current_task(*e.instance));
  if (!c.lift || !c.lift->async_)
    return fail(Code::trap, "`task.return` or `task.cancel` can only be called from an async-lifted function");
  if (e.spec->type != c.lift->type->result)
    return fail(Code::trap, "invalid `task.return` signature and/or options for current task");
  // definitions.py asks for equal options. The suite and its tools leave those out that a result does not need.
  const ResolvedOptions& lifted = *c.lift->options;
  if (e.options->memory && (!same_memory(*e.options, lifted) || e.options->encoding != lifted.encoding))
    return fail(Code::trap, "invalid `task.return` signature and/or options for current task");
  return give_result(c, *e.options, Slots(v, max_flat_params, sizeof(RawVal)), max_flat_params);
}

Result<> task_cancel(LowerState& e, RawVal*) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Call& c = task_of(current_task(*e.instance));
  if (!c.lift || !c.lift->async_)
    return fail(Code::trap, "`task.return` or `task.cancel` can only be called from an async-lifted function");
  return resolve_cancelled(c);
}

Result<> context_get(LowerState& e, RawVal* v) {
  std::uint64_t bits = current_task(*e.instance).context[e.spec->immediate];
  v[0].u64 = e.spec->wide ? bits : static_cast<std::uint32_t>(bits);
  return {};
}

Result<> context_set(LowerState& e, RawVal* v) {
  current_task(*e.instance).context[e.spec->immediate] = e.spec->wide ? v[0].u64 : v[0].u32;
  return {};
}

Result<> backpressure_inc(LowerState& e, RawVal*) {
  if (e.instance->backpressure == 0xffff) return fail(Code::trap, "backpressure counter overflow");
  ++e.instance->backpressure;
  e.instance->publish_gate();
  return {};
}

Result<> backpressure_dec(LowerState& e, RawVal*) {
  InstanceState& instance = *e.instance;
  if (instance.backpressure == 0) return fail(Code::trap, "backpressure counter underflow");
  --instance.backpressure;
  instance.publish_gate();
  if (!instance.entry.empty()) instance.group->reconsider(instance);
  return {};
}

Result<bool> thread_yield(LowerState& e, RawVal* v, bool again) {
  InstanceState& instance = *e.instance;
  Call& c = current_task(instance);
  if (!again) {
    CRANK_TRY_VOID(check_may_leave(instance));
    v[0].u64 = 0;
    if (deliver_pending_cancel(c, e.spec->cancellable)) {
      v[0].u64 = 1;
      return true;
    }
    if (!instance.group->store->can_suspend()) {
      // Going on at once is one of the answers the specification allows; a sync-typed task lets its siblings run first.
      if (!c.lift || !c.lift->type->async_) CRANK_TRY_VOID(run_sibling(instance, instance.group->top));
      return true;
    }
    c.waits = Waits::stack_yielded;
    c.cancellable = e.spec->cancellable;
    instance.group->make_ready(c);
    return false;
  }
  c.waits = Waits::nowhere;
  c.cancellable = false;
  v[0].u64 = std::exchange(c.cancelled_wake, false);
  return true;
}

}  // namespace

CanonFunction canon_task(const LowerState& env) {
  switch (env.spec->op) {
    case Builtin::task_return: return {.plain = plain_trampoline<task_return>};
    case Builtin::task_cancel: return {.plain = plain_trampoline<task_cancel>};
    case Builtin::context_get: return {.plain = plain_trampoline<context_get>};
    case Builtin::context_set: return {.plain = plain_trampoline<context_set>};
    case Builtin::backpressure_inc: return {.plain = plain_trampoline<backpressure_inc>};
    case Builtin::backpressure_dec: return {.plain = plain_trampoline<backpressure_dec>};
    case Builtin::thread_yield: return {.blocking = blocking_trampoline<thread_yield>};
    default: return {};
  }
}

}  // namespace crank::component::detail
