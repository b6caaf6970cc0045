// One call of an asynchronous export, as the guest sees it (law P9): a pump of its own, turned by the host through the
// callback ABI.
//
//     host --call-->  begin    [ jobs of this call run until none is ready   ]  --EXIT, YIELD or WAIT--> host
//     host --event--> resume   [ the event readies a job; jobs of it run     ]  --EXIT, YIELD or WAIT--> host
//
// Each call owns a Runtime (crank/async/runtime.h) whose hooks capture into the call's own queue (capture.h). Tasks inherit
// the runtime from whoever spawns them, so every job carries its call, and a turn runs only its own call's jobs:
// `task.return` acts on the call whose turn it is.
//
// Rules
//  1  Nothing runs outside a turn: enqueueing captures, whoever enqueues.
//  2  A turn ends with YIELD when jobs are left after its budget, with EXIT when no task of the call is alive, else with WAIT.
//  3  Work that was spawned keeps the call alive after its result was returned; EXIT comes with the last task's end.
//  4  A job captured during another call's turn wakes its own call: the waking side puts the readable end of a stream, an
//     event pending on it, into the sleeper's waitable set.
//  5  TASK_CANCELLED cancels the call's first task (R9). What it spawned decides for itself.
//  6  A waitable is in at most one call's set, and exactly one Waiter stands for it there.
#pragma once

#include <cstdint>
#include <optional>

#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/guest/canonical.h"
#include "crank/guest/capture.h"

namespace crank::guest {

/// Whoever waits for an event of one waitable. `ready` is called in the turn that the event begins, after the waitable has
/// left the set; it runs no user code, it only enqueues.
struct Waiter {
  using Ready = void (*)(Waiter& waiter, std::uint32_t payload) noexcept;
  explicit constexpr Waiter(Ready function) noexcept : ready(function) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Ready ready;
  std::uint32_t waitable = 0;  ///< 0 while not armed
};

class ExportTask {
 public:
  /// The call whose turn it is; there is none outside of turns.
  static ExportTask& current() noexcept;

  /// Starts a call with `body` as its first task and runs its first turn; answers the callback code.
  static std::uint32_t begin(Task<> body);
  /// The host's next word to this task: runs the next turn.
  static std::uint32_t resume(canonical::Event event);

  /// Joins the waitable to this call's set. `waiter` lives until it was told or disarmed.
  void arm(Waiter& waiter, std::uint32_t waitable) noexcept;
  void disarm(Waiter& waiter) noexcept;

 private:
  enum class State : unsigned char { ended, running, yielded, parked };

  ExportTask() noexcept;
  Hooks hooks() noexcept;
  std::uint32_t turn() noexcept;
  std::uint32_t exit() noexcept;
  void tell(canonical::Event event) noexcept;
  void poll() noexcept;
  void captured() noexcept;
  void wake() noexcept;
  void set_alarm() noexcept;
  void drop_alarm() noexcept;
  std::uint32_t set() noexcept;

  Capture capture_;
  const Hooks captures_;  // the queue's own hooks; the runtime's are these with rule 4 added
  Runtime runtime_;
  std::optional<TaskHandle<>> first_;
  std::uint32_t set_ = 0;
  std::uint32_t armed_ = 0;
  State state_ = State::ended;
  bool told_to_wake_ = false;
  Waiter alarm_;
  Waiter waker_;
  Instant alarm_at_ = Instant::max();  // what the alarm is set to
  ExportTask* next_free_ = nullptr;
};

}  // namespace crank::guest
