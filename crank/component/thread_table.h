// Internal: cooperative threads (`thread.*`). A task has its implicit thread, which is the Call itself, and may make more:
// each is a Call of its own with `owner` set, on a fiber of its own. The table gives them indices, one space an instance.
//
// Rules
//  1  Where a thread waits, its context slots, fiber and cancellable flag are the thread's; everything else is the task's.
//  2  A suspended thread runs again when another one names it, or when the task's cancellation is told to it.
//  3  A thread that suspends may name who runs next on this stack (`switch_to`): whoever polled it runs that one.
//  4  The task is over when its last thread is; it must have resolved by then.
//  5  The implicit thread of a sync-typed task has no fiber: while it waits it runs its siblings on top of its own stack.
// Touched on the instance's executor only. Source: CanonicalABI.md, "Thread State"; definitions.py, Thread.
#pragma once

#include <cstdint>
#include <vector>

#include "crank/base/result.h"

namespace crank::component::detail {

struct Call;
struct InstanceState;
struct Activation;

class ThreadTable {
 public:
  std::uint32_t add(Call& thread);
  Result<Call*> get(std::uint32_t index) const;
  void remove(std::uint32_t index);
  template <class F>
  void for_each(F&& visit) const {
    for (Call* thread : threads_)
      if (thread) visit(*thread);
  }
  void clear() { threads_.clear(), free_.clear(); }

 private:
  std::vector<Call*> threads_;       // index 0 is nobody's
  std::vector<std::uint32_t> free_;  // last in, first out
};

/// The task a thread belongs to.
Call& task_of(Call& thread) noexcept;
/// An extra thread's core function has returned. Frees it, and ends its task if it was the last one.
Result<> exit_thread(Call& thread);
/// A thread of the task, not its implicit one, that can be told of a cancellation now; null: none.
Call* cancellable_thread(Call& task) noexcept;
/// Runs a thread that is suspended or ready. `chain`: the native stack below.
Result<> resume_thread(Call& thread, Activation* chain);
/// Drops every extra thread of an instance whose root has ended.
void drop_threads(InstanceState& instance);

}  // namespace crank::component::detail
