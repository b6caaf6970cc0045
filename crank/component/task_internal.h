// Internal to the files task*.cc: where the callee's half of a call (task.h) meets its messages and its end.
#pragma once

#include "crank/component/task.h"

namespace crank::component::detail {

// task.cc
/// Gives the callee its arguments and runs its core function; asks the caller's executor for them where it must.
Result<> begin(Call& c, Activation* chain);
/// Runs the fiber of the task or thread until it suspends, is preempted or is done.
Result<> poll(Call& c, Activation* chain);
/// Runs a task that waited; nothing if what it waits for is not there.
Result<> go_on(Call& c, Activation* chain);
/// May free the call: the callee's half is over.
void unlist_task(Call& c);

// task_messages.cc
/// The callee's executor is held; is the other one held by this stack, too?
inline bool here(const Call& c, const Activation* chain, const Group& other) {
  return group_of(c).actor == other.actor || holds(chain, other);
}
/// STARTED goes to the caller's executor.
void post_started(Call& c);
/// The callee is about to start and its arguments are on the caller's executor (C3).
void post_lift(Call& c);
/// The caller's half learns the outcome; its executor is held.
void apply_resolved(Call& c);

}  // namespace crank::component::detail
