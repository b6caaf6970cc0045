// Internal: one call across an edge. The callee's task and the caller's subtask are one pooled object; each half is
// touched on its own executor, and what passes between them travels in embedded messages, one of each kind.
//
//     caller's half             messages                     callee's half
//     Waitable (the subtask)    start, cancel      ----->    task state, where it waits, its fiber
//     state, lenders            started, resolved  <-----    borrows, context slots
//
// Rules
//  1  A call whose callee runs nested in the caller's trampoline (`nested`) sends no message: the trampoline looks.
//  2  Otherwise `started` and `resolved` may both be under way; the caller's half changes when they arrive.
//  3  Arguments are in `raw` (the caller's core values, not lifted yet) or, once `lifted`, in `raw` as scalars or in
//     `arguments`; the result likewise, written once by the callee before `resolved` is sent.
//  4  References: the caller's half, the callee's half, each message under way. An edge between two roots also keeps
//     the callee's record alive, and the caller's once the call outlives its trampoline. It counts as a task of the
//     callee's root from the moment that root was chosen for it, so that no root is retired under a call on its way.
// Source: CanonicalABI.md, "Task State", "Subtask State".
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "crank/async/job.h"
#include "crank/async/spawn.h"
#include "crank/base/result.h"
#include "crank/component/abi.h"
#include "crank/component/value.h"
#include "crank/component/waitable.h"
#include "crank/engine/fiber.h"

namespace crank::component::detail {

struct Group;
struct InstanceState;
struct LiftState;
struct LowerState;
class RootState;

enum class SubtaskState : std::uint8_t {
  starting,
  started,
  returned,
  cancelled_before_started,
  cancelled_before_returned
};
constexpr bool is_resolved(SubtaskState state) { return state >= SubtaskState::returned; }

enum class TaskState : std::uint8_t { initial, started, pending_cancel, cancel_delivered, resolved };

/// Where a task waits that is not on a native stack.
enum class Waits : std::uint8_t {
  nowhere,            ///< running, not begun, or ended
  at_gate,            ///< entry: backpressure, exclusive, or others before it
  for_arguments,      ///< admitted; the caller's executor is lifting its arguments
  yielded,            ///< callback answered YIELD
  on_set,             ///< callback answered WAIT
  stack_on_set,       ///< fiber in waitable-set.wait
  stack_on_waitable,  ///< fiber in a synchronous lower, copy or cancel
  stack_yielded,      ///< fiber in thread.yield, or whose thread.resume-later was called
  suspended,          ///< in thread.suspend, or a thread that has not begun: until another thread names it
  preempted,          ///< fiber whose slice was over; its executor stays held
};

struct Call : Waitable {
  struct Message : Job {
    Call* call = nullptr;
    Group* to = nullptr;
    void (*deliver)(Call&) = nullptr;
  };

  std::atomic<std::uint32_t> references{1};
  const LiftState* lift = nullptr;   // null: a host function, or an implicit task (start, realloc)
  RootState* callee_root = nullptr;  // kept alive for an edge between roots
  RootState* caller_root = nullptr;

  // Caller's half.
  InstanceState* caller = nullptr;  // null: the host
  const LowerState* lower = nullptr;
  SubtaskState state = SubtaskState::starting;
  bool cancel_requested = false, delivered = false, has_index = false;
  std::uint32_t out_pointer = 0;
  std::vector<std::uint32_t> lenders;  // indices of lent handles in the caller's table

  // Callee's half.
  TaskState task = TaskState::initial;
  Waits waits = Waits::nowhere;
  bool nested = false, queued = false, cancellable = false, cancelled_wake = false, listed = false, finished = false;
  bool in_callback = false, entered = false;      // entered: its arguments have been taken
  bool counted = false;                           // among its callee root's live tasks
  SubtaskState outcome = SubtaskState::starting;  // how it resolved
  std::uint32_t num_borrows = 0;
  std::uint64_t context[2] = {};
  WaitableSet* set = nullptr;  // the set waited on (hides Waitable::set: use subtask_set())
  Waitable* awaited = nullptr;
  Call *next_waiter = nullptr, *next_in_queue = nullptr;
  Call *next_task = nullptr, *previous_task = nullptr;  // among the live tasks of its instance
  engine::FiberRef fiber;
  // Threads (thread_table.h).
  Call* owner = nullptr;      // an extra thread of that task; null: a task and its implicit thread
  Call* switch_to = nullptr;  // who runs on this stack once this thread has suspended
  std::uint32_t thread_index = 0, extra_threads = 0;
  bool implicit_done = false;

  // In transit.
  bool lifted = false, flat = false;
  bool lowered = false;  // the result is in the caller's memory already
  Slots slots;           // not lifted: the caller's core values (its frame's while nested, else `raw`)
  std::uint64_t raw[17] = {};
  std::vector<Value> arguments;
  Value result;
  std::optional<Error> failure;  // the callee's root ended: instead of a result

  // A host caller hears of the end here, on the callee's executor (or wherever its root was torn down).
  void (*on_resolved)(Call&) noexcept = nullptr;
  void* host_context = nullptr;

  std::optional<TaskHandle<void>> host_task;  // async host function, to cancel it
  std::atomic<std::uint8_t> host_state{0};    // async host function: 0 starting, 1 awaited by the guest, 2 done

  Message start_message, started_message, resolved_message, cancel_message, lift_message, continue_message;

  WaitableSet*& subtask_set() noexcept { return Waitable::set; }
  bool callee_resolved() const noexcept { return task == TaskState::resolved; }
};

}  // namespace crank::component::detail
