#include "crank/async/trace.h"

namespace crank {

CRANK_COLD void detail::report(TraceEvent event, const TaskRecord* task, ExecutorRef from, ExecutorRef to) noexcept {
  if (const TraceSink* sink = trace_sink.load(std::memory_order_acquire))
    sink->record(sink->context, {event, task, from, to});
}

void install_trace(const TraceSink* sink) noexcept { detail::trace_sink.store(sink, std::memory_order_release); }

const char* name_of(TraceEvent event) noexcept {
  switch (event) {
    case TraceEvent::task_created: return "task created";
    case TraceEvent::task_spawned: return "task spawned";
    case TraceEvent::task_finished: return "task finished";
    case TraceEvent::stay_inline: return "same executor: inline";
    case TraceEvent::hand_off: return "switch: hand-off";
    case TraceEvent::enqueue_no_give_up: return "switch: enqueue (this executor keeps its thread)";
    case TraceEvent::enqueue_preference: return "switch: enqueue (the task prefers an executor)";
    case TraceEvent::enqueue_yield: return "switch: enqueue (the thread is asked to yield)";
    case TraceEvent::enqueue_custom:
      return "switch: enqueue (the destination is a custom executor: its own thread runs it)";
    case TraceEvent::enqueue_busy: return "switch: enqueue (the destination is busy)";
    case TraceEvent::enqueue_batch: return "switch: enqueue (the actor left keeps its batch)";
    case TraceEvent::enqueue_foreign: return "switch: enqueue (the thread is another runtime's)";
    case TraceEvent::suspended: return "suspended";
    case TraceEvent::resumed: return "resumed: enqueue";
    case TraceEvent::drain_scheduled: return "an actor was woken";
    case TraceEvent::scope_left: return "a scope ends: what is left of it is waited for";
    case TraceEvent::continuation_ready: return "already resumed: no suspension";
    case TraceEvent::cancelled: return "cancelled";
    case TraceEvent::escalated: return "escalated";
    case TraceEvent::moved_up: return "moved up in its queue";
    case TraceEvent::frames_refilled: return "frames were refilled";
  }
  return "?";
}

}  // namespace crank
