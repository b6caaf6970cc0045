// Internal: what a built-in does that must wait for a waitable. On a fiber its task records what it waits for and the
// stack is suspended; a sync-typed task lets its siblings run on this stack until it can go on, or traps; an async-typed
// task off a fiber lets the callee's group run on this stack, or traps (DESIGN, C4).
#pragma once

#include "crank/component/canon.h"
#include "crank/component/task.h"

namespace crank::component::detail {

/// True: `done` holds now. False: suspend; the built-in is called again.
template <class Done>
Result<bool> block_on(InstanceState& instance, Waitable& waitable, Done done) {
  Group& group = *instance.group;
  Call& task = *group.top->task;
  if (group.store->can_suspend()) {
    waitable.has_event = false;  // an event in between (STARTED) does not end this wait
    waitable.sync_waiter = &task;
    task.awaited = &waitable;
    task.waits = Waits::stack_on_waitable;
    return false;
  }
  while (!done()) {
    CRANK_TRY(bool ran, let_others_run(instance, task));
    if (!ran) return fail(Code::trap, "cannot block a synchronous task before returning");
  }
  return true;
}

inline void unblock(InstanceState& instance, Waitable& waitable) {
  if (!waitable.sync_waiter) return;
  Call& task = *waitable.sync_waiter;
  waitable.sync_waiter = nullptr;
  task.awaited = nullptr;
  task.waits = Waits::nowhere;
  (void)instance;
}

}  // namespace crank::component::detail
