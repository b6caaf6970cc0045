// Internal: an executor group (DESIGN, C1): one store and one executor, and the component instances that live on them.
//
//   turn:  [ a message is delivered ] -> settle: [ admit held tasks ] [ run ready tasks ] ... -> leave
//
// Rules
//  1  Everything in a Group and its InstanceStates is touched only while its executor is held, except `gate`.
//  2  The chain of Activations is what runs on this native stack, across groups, innermost first at `top`. A group whose
//     executor stands in the chain is ours to touch: it is held by this very stack.
//  3  The entering rule looks at the chain: an instance is entered if it is in the entering set of an activation there.
//  4  A task enters if its gate is open (no backpressure, exclusive free if it needs it, nobody waiting before it).
//     Whatever opens a gate calls `reconsider`.
//  5  A preempted fiber keeps its executor held (`parked`): nothing of the group runs until it goes on.
//  6  Nothing of a dead root runs; its turns only take down.
// Source: CanonicalABI.md, "Component Instances", "Task State"; definitions.py, Task.enter_implicit_thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "crank/async/default_actor.h"
#include "crank/base/result.h"
#include "crank/component/call.h"
#include "crank/component/handle_table.h"
#include "crank/component/thread_table.h"
#include "crank/engine/store.h"

namespace crank::component::detail {

struct InstanceState;

/// One entry of core code on a native stack.
struct Activation {
  Activation(Group& group, InstanceState& instance, InstanceState* caller, Call* task, Activation* below) noexcept;
  ~Activation();
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;

  Activation* const outer;        // below on this native stack, of whichever group
  Activation* const group_outer;  // what was the group's top
  Group& group;
  InstanceState& instance;
  InstanceState* const caller;  // whose call entered; null: the host, or the scheduler
  Call* const task;
  bool fiber_base = false;  // what is above runs on a fiber's stack, what is below does not
};

class CallQueue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  void push(Call& call) noexcept {
    call.next_in_queue = nullptr;
    (tail_ ? tail_->next_in_queue : head_) = &call;
    tail_ = &call;
    ++size_;
  }
  Call* pop() noexcept {
    Call* call = head_;
    if (call) {
      head_ = call->next_in_queue;
      if (!head_) tail_ = nullptr;
      --size_;
    }
    return call;
  }
  Call* front() const noexcept { return head_; }
  bool remove(Call& call) noexcept;
  std::uint32_t size() const noexcept { return size_; }

 private:
  Call *head_ = nullptr, *tail_ = nullptr;
  std::uint32_t size_ = 0;
};

struct InstanceState {
  InstanceState(std::uint32_t handle_limit) : handles(handle_limit) {}

  RootState* root = nullptr;
  Group* group = nullptr;
  InstanceState* parent = nullptr;
  const Instance* spec = nullptr;
  InstanceId id{};
  HandleTable handles;
  ThreadTable threads;
  bool may_leave = true;
  bool reconsidered = false;  // stands in Group::gates
  std::uint32_t backpressure = 0;
  std::uint32_t tasks = 0;  // live ones
  Call* exclusive = nullptr;
  CallQueue entry;  // held at the gate, first come first served
  CallQueue held;   // callback tasks with an event while exclusive was taken
  Call* first_task = nullptr;
  InstanceState* next_gate = nullptr;
  Call implicit;  // realloc runs as this task
  /// Read by callers on other threads: may a new async call expect to start without waiting? A hint (DESIGN, C3).
  std::atomic<bool> gate_open{true};

  void publish_gate() noexcept;
  std::string_view name() const;
};

struct Group {
  Group(RootState& root, std::shared_ptr<DefaultActor> actor) : root(root), actor(std::move(actor)) {}

  RootState& root;
  std::shared_ptr<DefaultActor> actor;
  std::unique_ptr<engine::Store> store;
  std::vector<InstanceState*> instances;
  Activation* top = nullptr;
  bool may_block = false;
  bool pump_posted = false;
  bool torn_down = false;
  Call* parked = nullptr;         // preempted: the executor is held for it
  bool overstays = false;         // its turn is longer than a slice and not over; counted in its root
  std::uint64_t overstays_since;  // the engine's epoch then
  CallQueue ready;
  InstanceState* gates = nullptr;  // instances whose held tasks may enter now
  std::vector<Call*> pool;
  struct Pump : Job {
    Group* group = nullptr;
  } pump, teardown;

  /// Queues a message for this group; it and the root's record stay alive until it ran.
  void post(Job& job);
  /// Runs what became possible. At the end of every turn.
  void settle();
  /// Ends a turn that a job of ours began on the actor: settles, or hands a parked group on.
  void end_turn();
  /// The same for a turn begun by `continue_turn`: also leaves the executor.
  void end_nested_turn();
  /// settle() later, in a turn of its own. Until then the executor stays free, so that calls still enter nested (C3).
  void schedule_pump();
  static void run_pump(Job* job) noexcept;
  bool idle() const noexcept { return ready.empty() && gates == nullptr; }

  void mark_overstaying() noexcept;
  /// The end of a turn, in which others may have been held up.
  void turn_over() noexcept {
    if (overstays && !parked) [[unlikely]]
      clear_overstaying();
  }
  void clear_overstaying() noexcept;

  void make_ready(Call& task);
  void reconsider(InstanceState& instance);

  Call* new_call();
  void recycle(Call& call);
  /// The same for one of which only `lower_numbers` and its callee's context slots were used.
  void recycle_unseen(Call& call);
};

/// An executor for groups. The last owner may let go inside one of its own turns: it is destroyed once that has ended.
std::shared_ptr<DefaultActor> make_actor(Runtime& runtime);

/// The group's executor is held by the native stack whose innermost activation is `chain`.
bool holds(const Activation* chain, const Group& group) noexcept;
/// Whether guest code of that group may be called on this very stack. A store that was entered on another stack must not
/// be entered again from a fiber above it: the engine measures its stack limit once.
bool same_stack(const Activation* chain, const Group& group) noexcept;
/// definitions.py ComponentInstance.may_enter_from, for the native stack `chain`.
bool may_enter(const Activation* chain, const InstanceState& callee, const InstanceState* caller) noexcept;

/// Holds a group for a scope if it can: because the chain does, or by taking its executor. Leaving settles later.
class Hold {
 public:
  /// `self`: the group whose turn this is, if `chain` may be empty.
  Hold(const Activation* chain, Group& group, const Group* self = nullptr) noexcept;
  ~Hold() { release(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  explicit operator bool() const noexcept { return held_; }
  bool entered() const noexcept { return entered_; }
  /// Gives the processor to others and tries again: sync-typed edges between roots that do not share an executor.
  void wait() noexcept;
  void release() noexcept;
  /// The executor stays held although this scope ends (rule 5).
  void park() noexcept;

 private:
  Group& group_;
  bool held_ = false, entered_ = false;
};

}  // namespace crank::component::detail
