// Internal: the callee's half of a call, on the callee's executor: `canon lift`.
//
//   start_task -> [held at the gate] -> begin -> core code -> EXIT                          -> exit
//                                                  ^   |----> YIELD, WAIT (no stack)  --|
//                                                  |   '----> blocked, preempted (fiber) |
//                                                  '------------- run_ready -------------'
//
// Errors returned from here are traps of the callee; whoever is outermost in its group ends the root (C9).
// Source: CanonicalABI.md, "canon lift"; definitions.py, Task.
#pragma once

#include "crank/component/group.h"
#include "crank/component/linked.h"
#include "crank/component/waitable.h"

namespace crank::component::detail {

enum class CallbackCode : std::uint32_t { exit, yield, wait };

Group& group_of(const Call& task) noexcept;  ///< the callee's

/// Enters the task, or queues it at its instance's gate. `chain` is the native stack below. The call's arguments are the
/// caller's core values at c.slots (nested) or in transit.
Result<> start_task(Call& c, const Activation* chain);
/// Lets in what waits at the gate, as far as it is open.
void admit_waiting(InstanceState& instance);
/// Runs a task that may be able to go on; if it is not, nothing happens. Traps end the root.
void run_ready(Call& c, Activation* chain);
/// The same for one ready task of this instance, for a sync-typed task that may not suspend. False: there is none.
Result<bool> run_sibling(InstanceState& instance, Activation* chain);

/// `task.return`, and the end of a sync lift: takes the result out of the callee's core values.
Result<> give_result(Call& c, ResolvedOptions& options, Slots slots, std::uint32_t max_flat);
/// `task.cancel`, and cancellation before the start.
Result<> resolve_cancelled(Call& c);
/// subtask.cancel arrived: definitions.py, Task.request_cancellation.
Result<> request_cancellation(Call& c, Activation* chain);
/// True once for a pending cancellation, where the task says it may be told.
bool deliver_pending_cancel(Call& c, bool cancellable) noexcept;

/// A thread's stack is dropped while a built-in on it waits.
void abandon_wait(Call& thread);
/// The callee's half of an unresolved call ends because its root did.
void fail_task(Call& c, const Error& error);

/// Sends a message of the call to a group; it holds a reference until delivered, and the group settles after it.
void post_message(Call::Message& message, Call& c, Group& to, void (*deliver)(Call&));
void post_to_callee(Call::Message& message, Call& c, void (*deliver)(Call&));
/// What a start message does: starts the task, or answers for a dead root.
void deliver_start(Call& c);
/// Tells the caller's half, on its executor, that the call resolved as c.outcome.
void post_resolved(Call& c);
/// The task was preempted in a nested call: its group stays held and goes on elsewhere.
void park(Hold& hold, Call& c);
void post_continue(Call& c);

void release_exclusive(InstanceState& instance);
void release_call(Call& c);  ///< one reference less
/// The caller's half lets go of a call that is over: it goes back to that group's pool, if nobody else has it.
void finish_call(Call& c, Group& caller);

/// What an instance's own code (start, realloc, destructors) calls: a sync-typed call that is nobody's subtask.
Result<> call_core(InstanceState& instance, InstanceState* caller, Call& task, Activation* chain,
                   const engine::Func& function, engine::RawVal* values, std::size_t count);

}  // namespace crank::component::detail
