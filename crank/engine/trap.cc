// From the engine's traps to our errors.
#include "crank/engine/store_native.h"

namespace crank::engine {

namespace {

std::string frames_of(const wasm_frame_vec_t& frames) {
  std::string out;
  for (std::size_t i = 0; i < frames.size; ++i) {
    const wasm_frame_t* frame = frames.data[i];
    std::string_view module = view(wasmtime_frame_module_name(frame));
    if (module == "crank_runner") continue;  // ours, under every fiber
    std::string_view func = view(wasmtime_frame_func_name(frame));
    out += concat(module.empty() ? std::string_view("<module>") : module, "!");
    out += func.empty() ? concat("<function ", wasm_frame_func_index(frame), ">") : std::string(func);
    out += concat(" +", wasm_frame_func_offset(frame), " (offset ", wasm_frame_module_offset(frame), ")\n");
  }
  return out;
}

// The engine's text of a trap: sentences, each on a line, some with a heading. We want the last cause only.
std::string first_cause(std::string_view text) {
  if (std::size_t at = text.rfind("wasm trap: "); at != std::string_view::npos) text.remove_prefix(at + 11);
  std::size_t end = text.find('\n');
  return std::string(text.substr(0, end));
}

}  // namespace

Error take_error(Store& store, wasmtime_error_t* error, wasm_trap_t* trap) {
  wasm_frame_vec_t frames{};
  Bytes text;
  if (error != nullptr)
    wasmtime_error_wasm_trace(error, &frames);
  else
    wasm_trap_trace(trap, &frames);
  std::string backtrace = frames_of(frames);
  wasm_frame_vec_delete(&frames);

  Store::Native& native = store.native();
  std::optional<Error> out;
  if (native.pending) {
    out = std::move(native.pending);
    native.pending.reset();
    if (out->backtrace().empty()) out = std::move(*out).with_backtrace(std::move(backtrace));
  } else if (wasmtime_context_has_exception(native.context)) {
    wasmtime_exnref_t thrown;
    if (wasmtime_context_take_exception(native.context, &thrown)) wasmtime_exnref_unroot(&thrown);
    out = Error(Code::trap, "the guest threw an exception that nothing caught").with_backtrace(std::move(backtrace));
  } else {
    if (error != nullptr)
      wasmtime_error_message(error, &text.vec);
    else
      wasm_trap_message(trap, &text.vec);
    std::string_view message = text.view();
    while (!message.empty() && message.back() == '\0') message.remove_suffix(1);
    out = Error(Code::trap, concat("the guest trapped: ", first_cause(message))).with_backtrace(std::move(backtrace));
  }
  if (error != nullptr) wasmtime_error_delete(error);
  if (trap != nullptr) wasm_trap_delete(trap);
  return std::move(*out);
}

}  // namespace crank::engine
