// Trace points (R13): each rule of the runtime reports the decision it took. Off, a point costs one load and a branch.
// What the rules say, by their numbers: docs/async/laws.md.
#pragma once

#include <atomic>
#include <cstdint>

#include "crank/async/cold.h"
#include "crank/async/executor.h"

namespace crank {

class TaskRecord;

enum class TraceEvent : std::uint8_t {
  task_created,  ///< R1: any task, children too
  task_spawned,  ///< R7: from where, and where it starts
  task_finished,
  stay_inline,         ///< R3: no switch, resumed by symmetric transfer
  hand_off,            ///< R4: the destination's lock was taken, the thread went along
  enqueue_no_give_up,  ///< R4: the executor now running does not give up its thread
  enqueue_preference,  ///< R4: the task has an executor preference
  enqueue_yield,       ///< R4: the thread was asked to yield
  enqueue_custom,      ///< R4: the destination is a custom executor, which no thread can be handed to
  enqueue_busy,        ///< R4: the destination's lock is held
  enqueue_batch,       ///< R4: the actor left behind has a batch to keep
  enqueue_foreign,     ///< R4: the thread belongs to another runtime than the task
  suspended,           ///< a task gives up its thread: in a continuation, a sleep, a channel, a yield, for a task's end
  resumed,             ///< R5: a task was enqueued to go on, and where
  drain_scheduled,     ///< R12: an actor was woken: one drain for all that waits
  scope_left,          ///< R8: a scope ends, or its time is over, with children left: what cancels them says so itself
  continuation_ready,  ///< R6: what it waits for came before it was suspended: it goes on at once
  cancelled,           ///< R9
  escalated,           ///< R10
  moved_up,            ///< R10: a job that was queued already came to its raised place
  frames_refilled,     ///< R11: a thread's pool was empty and the system, or other threads, gave it frames
};
inline constexpr int trace_events = static_cast<int>(TraceEvent::frames_refilled) + 1;
const char* name_of(TraceEvent event) noexcept;

struct TraceRecord {
  TraceEvent event;
  const TaskRecord* task;  ///< may be null
  ExecutorRef from, to;
};

/// Receives every trace point while installed; called on whichever thread, must not call back into the runtime.
struct TraceSink {
  void (*record)(void* context, const TraceRecord& record) noexcept = nullptr;
  void* context = nullptr;
};
/// Installs a sink for the process; null removes it. The sink outlives all work that may still report to it.
void install_trace(const TraceSink* sink) noexcept;

namespace detail {
inline constinit std::atomic<const TraceSink*> trace_sink{nullptr};
inline bool tracing() noexcept {
#if !defined(CRANK_BARE_BENCHMARK)  // benchmark B14 alone compiles them out, to say what they cost
  return trace_sink.load(std::memory_order_relaxed) != nullptr;
#else
  return false;
#endif
}
CRANK_COLD void report(TraceEvent event, const TaskRecord* task, ExecutorRef from, ExecutorRef to) noexcept;
inline void trace(TraceEvent event, const TaskRecord* task, ExecutorRef from = {}, ExecutorRef to = {}) noexcept {
  if (tracing()) [[unlikely]]
    report(event, task, from, to);
}
}  // namespace detail
}  // namespace crank
