# The sources of crank/async (and what they need of crank/base) that a wasm32 guest compiles: everything but threads.
set(CRANK_ASYNC_WASM_SOURCES
  crank/async/actor.cc crank/async/backtrace.cc crank/async/cancellation.cc crank/async/cancellation_wave.cc
  crank/async/clock.cc crank/async/continuation.cc crank/async/default_actor.cc
  crank/async/escalation_wave.cc crank/async/executor.cc crank/async/frame_pool.cc crank/async/global_actor.cc crank/async/group.cc crank/async/manual_executor.cc crank/async/misuse.cc
  crank/async/runtime.cc crank/async/sleep.cc crank/async/spawn.cc crank/async/task.cc crank/async/task_local.cc
  crank/async/task_record.cc crank/async/task_switch.cc crank/async/timeout.cc crank/async/timer_queue.cc crank/async/trace.cc
  crank/async/turn.cc)
