// How the callee's half of a call ends: with a result, cancelled, or because its root did.
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/task_internal.h"

namespace crank::component::detail {

namespace {

void notify_resolved(Call& c) {
  if (c.nested) return;
  if (!c.caller) {
    if (c.on_resolved) c.on_resolved(c);
    return;
  }
  Group& caller = *c.caller->group;
  if (here(c, group_of(c).top, caller)) return apply_resolved(c);
  post_resolved(c);
}

}  // namespace

Result<> give_result(Call& c, ResolvedOptions& options, Slots slots, std::uint32_t max_flat) {
  const LiftState& lift = *c.lift;
  InstanceState& instance = *lift.instance;
  if (c.task == TaskState::resolved)
    return fail(Code::trap, "`task.return` or `task.cancel` called more than once for the current task");
  if (c.num_borrows > 0)
    return fail(Code::trap, concat("borrow handles still remain at the end of the call: ", c.num_borrows));
  Activation* chain = instance.group->top;
  if (lift.type->result == nullptr) {
    c.flat = true;
  } else if (c.nested && c.lower->scalar_result) {
    c.flat = c.lowered = true;
    c.raw[0] = slots.i64(0);
    if (c.lower->async_)
      CRANK_TRY_VOID(store_scalar(*c.caller, *c.lower->options, c.out_pointer, c.lower->type->result->size, c.raw[0]));
  } else if (c.nested && same_stack(chain, *c.caller->group)) {
    c.flat = c.lowered = true;
    Side callee(instance, &options, &c, chain);
    Side caller(*c.caller, c.lower->options, nullptr, chain);
    std::uint32_t limit = c.lower->async_ ? 0 : max_flat_results;
    auto r = copy_result(callee.context, *lift.type, max_flat, slots, caller.context, *c.lower->type, limit,
                         c.out_pointer, Slots(std::span<std::uint64_t>(c.raw, 17)));
    if (!r) return fail(std::move(r).error());
  } else if (lift.scalar_result && c.caller) {
    c.flat = true;
    c.raw[0] = slots.i64(0);
  } else {
    c.flat = false;
    Side callee(instance, &options, &c, chain);
    CRANK_TRY(c.result, lift_result(callee.context, *lift.type, max_flat, slots));
  }
  c.task = TaskState::resolved;
  c.outcome = SubtaskState::returned;
  if (c.nested) c.state = SubtaskState::returned;
  notify_resolved(c);
  return {};
}

Result<> resolve_cancelled(Call& c) {
  if (c.task != TaskState::cancel_delivered)
    return fail(Code::trap, c.task == TaskState::resolved
                                ? "`task.return` or `task.cancel` called more than once for the current task"
                                : "`task.cancel` called by task which has not been cancelled");
  if (c.num_borrows > 0)
    return fail(Code::trap, concat("borrow handles still remain at the end of the call: ", c.num_borrows));
  c.task = TaskState::resolved;
  c.outcome = c.entered ? SubtaskState::cancelled_before_returned : SubtaskState::cancelled_before_started;
  if (c.nested) c.state = c.outcome;
  notify_resolved(c);
  return {};
}

bool deliver_pending_cancel(Call& c, bool cancellable) noexcept {
  Call& task = task_of(c);
  if (!cancellable || task.task != TaskState::pending_cancel) return false;
  task.task = TaskState::cancel_delivered;
  return true;
}

Result<> request_cancellation(Call& c, Activation* chain) {
  InstanceState& instance = *c.lift->instance;
  if (c.task == TaskState::initial) {
    if (c.waits == Waits::for_arguments) {
      c.task = TaskState::pending_cancel;  // told at the first cancellable point
      return {};
    }
    instance.entry.remove(c);
    instance.publish_gate();
    c.waits = Waits::nowhere;
    c.task = TaskState::cancel_delivered;
    CRANK_TRY_VOID(resolve_cancelled(c));
    if (!instance.entry.empty()) instance.group->reconsider(instance);
    unlist_task(c);
    return {};
  }
  if (c.task != TaskState::started) return {};
  bool waiting = c.cancellable && c.waits != Waits::nowhere && c.waits != Waits::preempted;
  bool shut_out = c.lift->needs_exclusive && instance.exclusive != nullptr && instance.exclusive != &c;
  Call* told = waiting && !shut_out ? &c : cancellable_thread(c);
  if (!told || !may_enter(chain, instance, c.caller)) {
    c.task = TaskState::pending_cancel;
    return {};
  }
  c.task = TaskState::cancel_delivered;
  told->cancelled_wake = true;
  // It runs now, on this stack; what stands in the ready queue finds nothing to do later.
  return go_on(*told, chain);
}

void abandon_wait(Call& thread) {
  if (thread.waits != Waits::stack_on_waitable || !thread.awaited) return;
  Waitable& awaited = *std::exchange(thread.awaited, nullptr);
  awaited.sync_waiter = nullptr;
  // A synchronous call stands in no table: its caller's half goes with the stack that waits for it.
  if (awaited.kind == EntryKind::subtask && !static_cast<Call&>(awaited).has_index)
    release_call(static_cast<Call&>(awaited));
}

void fail_task(Call& c, const Error& error) {
  abandon_wait(c);
  c.fiber.reset();
  if (c.task != TaskState::resolved) {
    c.task = TaskState::resolved;
    c.outcome = SubtaskState::returned;
    c.flat = false;
    c.failure = error;
    notify_resolved(c);
  }
  unlist_task(c);
}

}  // namespace crank::component::detail
