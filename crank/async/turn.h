// A turn: one stay of a thread on an executor. Turns of a thread stack up: a worker's own turn at the bottom, nested inline
// calls above it. The current executor is found thread, then task (S1.9): the top turn's, else the current task's.
//
//     worker thread:  [ generic ] -> hand-off -> [ actor A ] -> nested call -> [ actor A ][ actor B ]
//
// A fiber carries turns of its own: whoever switches fibers exchanges the thread's ExecutionContext around the switch.
#pragma once

#include <chrono>
#include <cstdint>

#include "crank/async/executor.h"

namespace crank {

class DefaultActor;
class PoolWorker;
class Runtime;
class TaskRecord;

struct Turn {
  ExecutorRef executor;                   ///< the serial executor code runs on now; a hand-off changes it
  Runtime* runtime = nullptr;             ///< where work started here is enqueued
  TaskExecutor* task_executor = nullptr;  ///< the preferred executor whose thread this is; null: the runtime's pool
  Turn* outer = nullptr;
  bool yield_requested = false;  ///< asks whoever runs here not to take a further executor along (R4)
};

/// What a thread is doing: the current task and its turns. A fiber owns one.
struct ExecutionContext {
  TaskRecord* task = nullptr;
  Turn* turn = nullptr;
};

/// Puts `context` on this thread and returns what was there. Around every switch to and from a fiber:
///     outer = exchange_execution_context(fiber_context); switch_to_fiber(); fiber_context = exchange_execution_context(outer);
ExecutionContext exchange_execution_context(ExecutionContext context) noexcept;

/// The executor this code runs on; generic outside of any turn.
ExecutorRef current_executor() noexcept;
/// The runtime of the current turn or task, or null on a thread the library does not know.
Runtime* current_runtime() noexcept;
/// The current task, or null.
inline TaskRecord* current_task() noexcept;

/// Custom executors run what they were given with this, on the thread that is theirs for the moment: the job sees
/// `executor` as current, and leaves it again before this returns.
void run_job(Job& job, ExecutorRef executor, Runtime& runtime) noexcept;
/// Task executors (preferred, not serial) run theirs with this. A runtime's own pool is named by null.
void run_job(Job& job, TaskExecutor& executor, Runtime& runtime) noexcept;

namespace detail {

class WorkerQueues;

/// A turn for the length of a scope on this thread.
class [[nodiscard]] TurnScope {
 public:
  TurnScope(ExecutorRef executor, Runtime* runtime, TaskExecutor* task_executor = nullptr) noexcept;
  ~TurnScope();
  TurnScope(const TurnScope&) = delete;
  TurnScope& operator=(const TurnScope&) = delete;
  Turn& turn() noexcept { return turn_; }

 private:
  Turn turn_;
};

/// Runs `job` in `turn` (the thread's top one) and gives up whatever actors it took along, after draining a bounded batch
/// of theirs. Afterwards the turn is what it was before.
void run_in_turn(Turn& turn, Job& job) noexcept;

/// A cancellation handler that a thread is just running; innermost first.
struct RunningHandler {
  const void* handler;
  RunningHandler* outer;
  bool gone = false;  // it was detached by what it runs itself
};

struct ThreadState {
  TaskRecord* task = nullptr;
  Turn* turn = nullptr;
  PoolWorker* worker = nullptr;
  WorkerQueues* queues = nullptr;  // the worker's
  RunningHandler* running_handlers = nullptr;
};

#if defined(__wasm__)
inline constinit ThreadState the_thread_state{};
inline ThreadState& thread_state() noexcept { return the_thread_state; }
#else
[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadState the_thread_state;
inline ThreadState& thread_state() noexcept { return the_thread_state; }
#endif

#if defined(__wasm__)
constexpr bool post_behind(TaskRecord&) noexcept { return false; }
constexpr void look_around() noexcept {}
inline void lend_thread(std::chrono::steady_clock::duration) noexcept {}
#else
/// Puts a generic task behind everything in the pool it runs on. False: this thread is no worker of that pool.
bool post_behind(TaskRecord& task) noexcept;
/// After a long turn: this thread's worker looks at its event loop, timers and the oldest jobs before it goes on.
void look_around() noexcept;
/// In the middle of a job that takes long and cannot be suspended, where the code below could as well be awaiting: runs
/// what waits for this thread's worker, on top of this stack, for about that long. Nothing on a thread that is no worker,
/// inside a completion of its event loop, or three levels deep.
void lend_thread(std::chrono::steady_clock::duration at_most) noexcept;
#endif

}  // namespace detail

inline TaskRecord* current_task() noexcept { return detail::thread_state().task; }

}  // namespace crank
