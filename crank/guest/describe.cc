// `Pump::describe`, and the export of it. Linked as an object into the modules that ask for it (DESCRIBE in
// cmake/CrankReactor.cmake): it keeps the names of functions and files in the module.
#include <string>

#include "crank/async/backtrace.h"
#include "crank/base/text.h"
#include "crank/guest/entry.h"
#include "crank/guest/pump_entry.h"

namespace crank::guest {
namespace {

constexpr std::size_t longest = 4000;

void append_frames(std::string& out, const TaskRecord& task) {
  std::string frames = to_string(async_backtrace(task));
  for (std::size_t at = 0; at < frames.size();) {
    std::size_t end = frames.find('\n', at);
    out.append("    ").append(frames, at, end - at).push_back('\n');
    at = end + 1;
  }
}

}  // namespace

std::string Pump::describe(std::uint32_t task) {
  std::string out;
  tasks_.each([&](std::uint32_t id, void* occupant) {
    if ((task != 0 && id != task) || out.size() > longest) return;
    const auto& entry = *static_cast<const Entry*>(occupant);
    out.append(concat("task ", id, " awaits at\n"));
    append_frames(out, *entry.task);
    bridges_.each_waiting([&](std::uint32_t token, std::uint32_t asked_for, const TaskRecord& waiting) {
      if (asked_for != id || out.size() > longest) return;
      out.append(concat("  token ", token, " of it was asked for at\n"));
      append_frames(out, waiting);
    });
  });
  if (out.size() > longest) out.resize(longest);
  return out;
}

}  // namespace crank::guest

#if defined(__wasm__)
extern "C" [[clang::export_name("crank_describe")]] std::uint64_t crank_export_describe(std::uint32_t task) {
  static std::string& text = *new std::string();
  text = crank::guest::the_pump().describe(task);
  return std::uint64_t{reinterpret_cast<std::uintptr_t>(text.data())} << 32 | text.size();
}
#endif
