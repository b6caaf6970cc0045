// Sync-typed calls of plain numbers, the shortest way from guest to guest. Caller and callee have the same core signature,
// so the values stay where the caller's code put them. The callee runs on this stack to its end, so no message, no queue
// and no result in transit are needed; its task exists for what it may ask (context slots, its own calls), but stands in
// no list. Where any of that could be seen afterwards (threads, post-return) the long way is taken: call_nested.
#include "crank/component/canon_call.h"
#include "crank/component/root_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

using engine::RawVal;

namespace {

// The callee's root has trapped. Its caller in the same root traps with it; another's is told.
[[gnu::noinline]] Result<> end_callee(LowerState& l, RawVal* v, Call& c, Error error, bool across) {
  Group& caller = *l.instance->group;
  RootState& root = group_of(c).root;
  root.die(error, &c);
  c.nested = false;
  if (!across) {
    finish_call(c, caller);
    return fail(std::move(error));
  }
  c.callee_root = &root;
  c.counted = true;
  CRANK_TRY_VOID(answer_dead(c, std::move(error)));
  Result<> r = deliver_resolved(c, max_flat_results, Slots(v, 1, sizeof(RawVal)), caller.top);
  finish_call(c, caller);
  return r;
}

}  // namespace

Result<> lower_numbers(LowerState& l, RawVal* v) {
  InstanceState& caller = *l.instance;
  Group& home = *caller.group;
  CRANK_TRY_VOID(check_may_leave(caller));
  if (caller.root->dead()) [[unlikely]]
    return fail(caller.root->dead_error());
  Result<LiftState*> found = find_callee(l);
  if (!found || !(*found)->unseen_task || !(*found)->resolved) [[unlikely]]
    return call_nested(l, v, std::move(found));
  LiftState& lift = **found;
  Group& group = *lift.instance->group;
  const bool across = &group.root != caller.root;
  Activation* chain = home.top;
  Hold hold(chain, group);
  while (!hold) hold.wait();
  if ((across && group.root.dead()) || !may_enter(chain, *lift.instance, &caller)) [[unlikely]] {
    hold.release();
    return call_nested(l, v, &lift);
  }
  Call& c = *home.new_call();
  c.kind = EntryKind::subtask;
  c.caller = &caller;
  c.lower = &l;
  c.lift = &lift;
  c.task = TaskState::started;
  c.nested = c.entered = true;
  Result<> r;
  {
    Activation running(group, *lift.instance, &caller, &c, chain);
    r = group.store->call(lift.core, v, lift.slots);
  }
  if (!r) [[unlikely]]
    return end_callee(l, v, c, std::move(r).error(), across);
  if (across) {
    group.root.task_ended();
    hold.release();
    group.root.release();
  }
  home.recycle_unseen(c);
  return {};
}

}  // namespace crank::component::detail
