// The Component Model's built-ins as a guest imports them, and the numbers they answer, spelt as the specification
// (component-model, design/mvp/CanonicalABI.md) spells them. Nothing here allocates, waits or owns: the layer above
// (component.h) does.
//
// wasm-tools' `component new` knows these import names and turns each into the canonical built-in it names.
#pragma once

#include <cstdint>

namespace crank::canonical {

/// What an export or its callback answers the host: how the task goes on.
enum class CallbackCode : std::uint32_t { exit = 0, yield = 1, wait = 2 };
constexpr std::uint32_t packed(CallbackCode code, std::uint32_t waitable_set = 0) {
  return static_cast<std::uint32_t>(code) | waitable_set << 4;
}

/// What an asynchronous built-in or copy answers when it could not finish at once.
inline constexpr std::uint32_t blocked = 0xffffffffU;

/// What a callback is told.
enum class EventCode : std::uint32_t {
  none = 0,
  subtask = 1,
  stream_read = 2,
  stream_write = 3,
  future_read = 4,
  future_write = 5,
  task_cancelled = 6,
};
struct Event {
  EventCode code;
  std::uint32_t waitable;  ///< subtask, stream end or future end
  std::uint32_t payload;   ///< SubtaskState, or a packed CopyStatus
};

enum class SubtaskState : std::uint32_t {
  starting = 0,
  started = 1,
  returned = 2,
  cancelled_before_started = 3,
  cancelled_before_returned = 4,
};
constexpr bool resolved(SubtaskState state) { return state >= SubtaskState::returned; }

/// What an asynchronously lowered import answers: a state, and the subtask's handle unless it has resolved already.
struct SubtaskStatus {
  std::uint32_t packed;
  SubtaskState state() const { return static_cast<SubtaskState>(packed & 0xf); }
  std::uint32_t handle() const { return packed >> 4; }
};

enum class CopyResult : std::uint32_t { completed = 0, dropped = 1, cancelled = 2 };

/// What a copy on a stream or future answers: `blocked`, or how it ended and how many elements moved (0 for futures).
struct CopyStatus {
  std::uint32_t packed;
  bool is_blocked() const { return packed == blocked; }
  CopyResult result() const { return static_cast<CopyResult>(packed & 0xf); }
  std::uint32_t count() const { return packed >> 4; }
};

#define CRANK_CANONICAL_IMPORT(name) __attribute__((__import_module__("$root"), __import_name__(name)))
extern "C" {
CRANK_CANONICAL_IMPORT("[waitable-set-new]") std::uint32_t crank_waitable_set_new();
CRANK_CANONICAL_IMPORT("[waitable-set-drop]") void crank_waitable_set_drop(std::uint32_t set);
/// Never blocks; writes waitable and payload of the event to `event` and answers its EventCode.
CRANK_CANONICAL_IMPORT("[waitable-set-poll]")
std::uint32_t crank_waitable_set_poll(std::uint32_t set, std::uint32_t* event);
CRANK_CANONICAL_IMPORT("[waitable-join]") void crank_waitable_join(std::uint32_t waitable, std::uint32_t set);
CRANK_CANONICAL_IMPORT("[context-get-0]") void* crank_context_get();
CRANK_CANONICAL_IMPORT("[context-set-0]") void crank_context_set(void* value);
CRANK_CANONICAL_IMPORT("[subtask-drop]") void crank_subtask_drop(std::uint32_t subtask);
/// The synchronous form: answers a SubtaskState, and blocks this guest until the callee has given up or returned. Hosts
/// offer the asynchronous one behind a switch only.
CRANK_CANONICAL_IMPORT("[subtask-cancel]") std::uint32_t crank_subtask_cancel(std::uint32_t subtask);
CRANK_CANONICAL_IMPORT("[stream-new-unit]") std::uint64_t crank_unit_stream_new();
CRANK_CANONICAL_IMPORT("[async-lower][stream-read-unit]")
std::uint32_t crank_unit_stream_read(std::uint32_t reader, void* nothing, std::uint32_t count);
CRANK_CANONICAL_IMPORT("[async-lower][stream-write-unit]")
std::uint32_t crank_unit_stream_write(std::uint32_t writer, const void* nothing, std::uint32_t count);
CRANK_CANONICAL_IMPORT("[stream-drop-readable-unit]") void crank_unit_stream_drop_readable(std::uint32_t reader);
CRANK_CANONICAL_IMPORT("[stream-drop-writable-unit]") void crank_unit_stream_drop_writable(std::uint32_t writer);
}
#undef CRANK_CANONICAL_IMPORT
// task.cancel is imported per component ("[export]$root"), like task.return by the generated glue.
extern "C" __attribute__((__import_module__("[export]$root"), __import_name__("[task-cancel]"))) void
crank_task_cancel();

}  // namespace crank::canonical
