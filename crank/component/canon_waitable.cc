// Built-ins about waitables: waitable sets, join, subtask.cancel and subtask.drop; and the delivery of events.
#include "crank/component/block.h"
#include "crank/component/blueprint.h"
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/stream_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

using engine::RawVal;

Result<Event> deliver(Waitable& waitable, InstanceState& instance, Activation* chain) {
  clear_event(waitable);
  if (waitable.kind != EntryKind::subtask) return deliver_copy(static_cast<End&>(waitable));
  Call& c = static_cast<Call&>(waitable);
  if (is_resolved(c.state) && !c.delivered) CRANK_TRY_VOID(deliver_resolved(c, 0, {}, chain));
  (void)instance;
  return Event{EventCode::subtask, c.index, static_cast<std::uint32_t>(c.state)};
}

Result<Event> deliver_event(WaitableSet& set, InstanceState& instance, Activation* chain) {
  return deliver(*set.first, instance, chain);
}

// Only a callee's group can end the wait of an async-typed task that stands off a fiber; it may be idle with work to do.
Result<bool> let_others_run(InstanceState& instance, Call& task) {
  if (!task.lift || !task.lift->type->async_) return run_sibling(instance, instance.group->top);
  return false;
}

namespace {

Result<> set_new(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Entry entry;
  entry.kind = EntryKind::waitable_set;
  entry.set = new WaitableSet;
  auto index = e.instance->handles.add(entry);
  if (!index) {
    delete entry.set;
    return fail(std::move(index).error());
  }
  v[0].u64 = *index;
  return {};
}

Result<> set_drop(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  CRANK_TRY(Entry * entry, e.instance->handles.get(v[0].u32, EntryKind::waitable_set));
  WaitableSet* set = entry->set;
  if (set->members > 0) return fail(Code::trap, "cannot drop waitable set with waitables in it");
  if (set->waiting > 0) return fail(Code::trap, "cannot drop waitable set with waiters");
  e.instance->handles.remove(v[0].u32);
  delete set;
  return {};
}

Result<> waitable_join(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Entry* entry = e.instance->handles.find(v[0].u32);
  if (!entry) return HandleTable::unknown(v[0].u32);
  if (!is_waitable(entry->kind)) return HandleTable::wrong_kind(v[0].u32, entry->kind, EntryKind::subtask);
  Waitable& waitable = *entry->waitable;
  if (waitable.sync_waiter)
    return fail(Code::trap, "waitable cannot be used synchronously while added to a waitable set: a task waits for it");
  WaitableSet* set = nullptr;
  if (v[1].u32 != 0) {
    CRANK_TRY(Entry * found, e.instance->handles.get(v[1].u32, EntryKind::waitable_set));
    set = found->set;
  }
  join(waitable, set);
  return {};
}

Result<> answer(LowerState& e, RawVal* v, std::uint32_t address, Event event) {
  Side side(*e.instance, e.options, nullptr, e.instance->group->top);
  auto stored = store_pair(side.context, address, event.index, event.payload);
  if (!stored) return fail(std::move(stored).error());
  v[0].u64 = static_cast<std::uint32_t>(event.code);
  return {};
}

Result<> set_poll(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  CRANK_TRY(Entry * entry, instance.handles.get(v[0].u32, EntryKind::waitable_set));
  Event event;
  if (deliver_pending_cancel(current_task(instance), e.spec->cancellable)) {
    event = {EventCode::task_cancelled, 0, 0};
  } else if (entry->set->has_event()) {
    CRANK_TRY(event, deliver_event(*entry->set, instance, instance.group->top));
  }
  return answer(e, v, v[1].u32, event);
}

Result<bool> set_wait(LowerState& e, RawVal* v, bool again) {
  InstanceState& instance = *e.instance;
  Group& group = *instance.group;
  Call& task = current_task(instance);
  Event event;
  if (!again) {
    CRANK_TRY_VOID(check_may_leave(instance));
    CRANK_TRY(Entry * entry, instance.handles.get(v[0].u32, EntryKind::waitable_set));
    WaitableSet& set = *entry->set;
    if (deliver_pending_cancel(task, e.spec->cancellable)) {
      event = {EventCode::task_cancelled, 0, 0};
      CRANK_TRY_VOID(answer(e, v, v[1].u32, event));
      return true;
    }
    if (!set.has_event()) {
      if (group.store->can_suspend()) {
        task.waits = Waits::stack_on_set;
        task.Call::set = &set;
        task.cancellable = e.spec->cancellable;
        add_waiter(set, task);
        return false;
      }
      ++set.waiting;
      while (!set.has_event()) {
        auto ran = let_others_run(instance, task);
        if (!ran || !*ran) {
          --set.waiting;
          if (!ran) return ran;
          return fail(Code::trap, "cannot block a synchronous task before returning");
        }
      }
      --set.waiting;
    }
    CRANK_TRY(event, deliver_event(set, instance, group.top));
  } else {
    WaitableSet& set = *task.Call::set;
    if (!task.cancelled_wake && !set.has_event()) return false;
    remove_waiter(set, task);
    task.Call::set = nullptr;
    task.waits = Waits::nowhere;
    task.cancellable = false;
    if (std::exchange(task.cancelled_wake, false)) {
      event = {EventCode::task_cancelled, 0, 0};
    } else {
      CRANK_TRY(event, deliver_event(set, instance, group.top));
    }
  }
  CRANK_TRY_VOID(answer(e, v, v[1].u32, event));
  return true;
}

Result<> cancel_callee(Call& c, Activation* chain) {
  if (!c.lift) {
    c.host_task->cancel();
    return {};
  }
  Group& group = group_of(c);
  Hold hold(chain, group);
  if (!hold) {
    post_to_callee(c.cancel_message, c, [](Call& call) {
      if (call.finished || call.callee_resolved()) return;
      Group& callee = group_of(call);
      if (callee.root.dead()) return;
      if (auto r = request_cancellation(call, nullptr); !r) callee.root.die(std::move(r).error(), &call);
    });
    return {};
  }
  if (c.finished || c.callee_resolved() || group.root.dead()) return {};
  c.nested = true;
  Result<> r = request_cancellation(c, chain);
  c.nested = false;
  const bool finished = c.finished;
  if (!r) {
    group.root.die(r.error(), &c);
    if (&group.root == &c.caller->group->root) return r;
    c.failure = std::move(r).error();
    c.task = TaskState::resolved;
    c.outcome = SubtaskState::returned;
  }
  if (c.callee_resolved()) c.state = c.outcome;
  if (group.parked) park(hold, *group.parked);  // c, or a thread of it that was told
  if (finished) c.references.fetch_sub(1, std::memory_order_acq_rel);
  return {};
}

constexpr std::uint32_t blocked = 0xffff'ffff;

Result<bool> subtask_cancel(LowerState& e, RawVal* v, bool again) {
  InstanceState& instance = *e.instance;
  Call* call;
  if (!again) {
    CRANK_TRY_VOID(check_may_leave(instance));
    CRANK_TRY(Entry * entry, instance.handles.get(v[0].u32, EntryKind::subtask));
    call = static_cast<Call*>(entry->waitable);
    if (call->delivered) return fail(Code::trap, "`subtask.cancel` called after terminal status delivered");
    if (call->cancel_requested) return fail(Code::trap, "`subtask.cancel` called twice for the same subtask");
    if (call->subtask_set() && !e.spec->async_)
      return fail(Code::trap, "waitable cannot be used synchronously while added to a waitable set");
    if (!is_resolved(call->state)) {
      Call& task = current_task(instance);
      if (!e.spec->async_ && task.lift && !instance.group->store->can_suspend())
        task_of(task).lift->statistics->cancels.store(true, std::memory_order_relaxed);
      call->cancel_requested = true;
      CRANK_TRY_VOID(cancel_callee(*call, instance.group->top));
      if (!is_resolved(call->state) && e.spec->async_) {
        v[0].u64 = blocked;
        return true;
      }
    }
  } else {
    call = static_cast<Call*>(current_task(instance).awaited);
  }
  Call& c = *call;
  if (!is_resolved(c.state)) {
    CRANK_TRY(bool done, block_on(instance, c, [&] { return is_resolved(c.state); }));
    if (!done) return false;
  }
  unblock(instance, c);
  CRANK_TRY(Event event, deliver(c, instance, instance.group->top));
  v[0].u64 = event.payload;
  return true;
}

Result<> subtask_drop(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  CRANK_TRY(Entry * entry, instance.handles.get(v[0].u32, EntryKind::subtask));
  Call& c = *static_cast<Call*>(entry->waitable);
  if (!c.delivered) return fail(Code::trap, "cannot drop a subtask which has not yet resolved");
  clear_event(c);
  join(c, nullptr);
  instance.handles.remove(v[0].u32);
  finish_call(c, *instance.group);
  return {};
}

}  // namespace

CanonFunction canon_waitable(const LowerState& env) {
  switch (env.spec->op) {
    case Builtin::waitable_set_new: return {.plain = plain_trampoline<set_new>};
    case Builtin::waitable_set_drop: return {.plain = plain_trampoline<set_drop>};
    case Builtin::waitable_set_poll: return {.plain = plain_trampoline<set_poll>};
    case Builtin::waitable_set_wait: return {.blocking = blocking_trampoline<set_wait>};
    case Builtin::waitable_join: return {.plain = plain_trampoline<waitable_join>};
    case Builtin::subtask_cancel: return {.blocking = blocking_trampoline<subtask_cancel>};
    case Builtin::subtask_drop: return {.plain = plain_trampoline<subtask_drop>};
    default: return {};
  }
}

}  // namespace crank::component::detail
