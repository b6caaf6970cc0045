// How a raised priority travels to what a task waits for (R10): along the links in the tasks' lists of handlers, to group
// children, lets and awaited spawned tasks. Internal; what users see is TaskRecord::escalate. It does not recurse: the depth of
// a tree costs no stack. Nothing is held on the way but the lock of the one task, or group, that is just being looked at.
//
//     raise(task):  priority = max  ->  lock its handlers, pin every link in them  ->  unlock
//     run:          take a pinned link  ->  raise(each child)  ->  unpin it
//
// Rules
//  1  Who makes a link lists it first and then raises what it leads to; a wave raises the task first and then looks at the
//     list. Both do so around the same lock: whichever comes second sees what the other did.
//  2  A link is pinned (`raise_`, the priority it is to pass on) under the lock of the task that lists it, and while it is
//     pinned its owner's `detach` waits. So the link lives, and with it what it leads to: a let's child lies beside the link;
//     an awaited task is held by the handle in the awaiter; a group's children are in its list, which only the owner shortens
//     and which the wave holds closed while it raises them.
//  3  Whoever changes `raise_` from none has the link in its own wave. Another wave that finds it pinned only raises
//     `raise_`; the first passes that on too before it unpins. So waves that meet do not wait for one another.
//  4  A wave ends the bias of every lock, by one fence, for as long as it runs (asymmetric_fence.h rule 4).
#pragma once

#include "crank/async/cancellation.h"

namespace crank {

class EscalationWave {
 public:
  explicit EscalationWave(Priority least) noexcept : least_(least) {}
  EscalationWave(const EscalationWave&) = delete;
  EscalationWave& operator=(const EscalationWave&) = delete;

  /// Raises the task and whatever it waits for; the caller keeps the task alive. The first step.
  void run(TaskRecord& task) noexcept;
  /// For links: a child. The caller keeps it alive until this returns.
  void raise(TaskRecord& child) noexcept;

 private:
  void raised(TaskRecord& task) noexcept;
  void pin(CancellationHandler& link) noexcept;

  Priority least_;
  CancellationHandler* pinned_ = nullptr;
  [[maybe_unused]] detail::UnbiasedScope unbiased_;
};

}  // namespace crank
