// The reactor front of a guest: a passive library whose host turns the crank (docs/reactor-abi.md, laws P1 to P4).
//
//     host: entry(argument) ──> task id; nothing has run
//     host: pump(budget)    ──> runs captured jobs, one after the other; bodies call imports, which return at once
//     guest: complete(id, status, bytes)       from inside that pump turn
//     host: resume(token, …), cancel(id)       only enqueue; take effect in the next pump turn
//
// The runtime of crank/async is unchanged: its three hooks are a Capture, its main actor is the pump. One Pump is one guest:
// in a wasm32 module it is `the_pump()`, reached through the exports; natively (a module compiled into its host, a test) it
// is an object, driven by the same calls, single threaded.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/base/result.h"
#include "crank/guest/bridge.h"
#include "crank/guest/bytes.h"
#include "crank/guest/capture.h"
#include "crank/guest/id_table.h"
#include "crank/guest/imports.h"

namespace crank::guest {

/// The contract this guest implements: major << 16 | minor.
inline constexpr std::uint32_t contract_version = 1 << 16;
/// A budget that runs until nothing is ready.
inline constexpr std::uint32_t unlimited = 0xffffffff;
/// No timer is armed.
inline constexpr std::int64_t no_deadline = -1;

/// The body of an async entry. The argument lives until the task has completed.
using EntryFunction = Task<Result<Bytes>> (*)(std::span<const std::byte> argument);

/// What one drain did.
struct Pumped {
  std::uint32_t ran;    ///< jobs run
  std::uint32_t ready;  ///< jobs that could run now
};

class Pump {
 public:
  explicit Pump(Imports imports) noexcept;
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  /// Natively: with tasks unfinished, their frames stay allocated; let them end first (cancel and pump).
  ~Pump();

  /// Starts an entry; its argument [data, data + size) is a block of the guest's allocator that it takes over. The task's id,
  /// or 0 when there are too many. No line of the body has run.
  std::uint32_t start(EntryFunction entry, std::byte* data, std::size_t size) noexcept;
  /// Runs at most `budget` jobs, after those whose timers are due have been woken. From the top of the stack only.
  Pumped pump(std::uint32_t budget) noexcept;
  /// When the next timer is due, on the clock of the import `now`, or `no_deadline`.
  std::int64_t deadline() noexcept;
  Resumed resume(std::uint32_t token, Status status, std::byte* data, std::size_t size) noexcept {
    return bridges_.resume(token, status, data, size);
  }
  /// Asks a task to stop, in the next turn. False: no such task.
  bool cancel(std::uint32_t task) noexcept;

  /// What an entry waits for, or every one (task 0): where its await stands, and where the tokens it waits for were asked
  /// for. At most some 4,000 characters. Between two turns.
  std::string describe(std::uint32_t task);

  Runtime& runtime() noexcept { return runtime_; }
  Bridges& bridges() noexcept { return bridges_; }
  /// Entries that have not completed.
  std::uint32_t tasks() const noexcept { return tasks_.live(); }
  std::uint32_t ready() const noexcept { return capture_.ready(); }

 private:
  struct Entry;
  static Task<> run_entry(Entry& entry);

  Bridges bridges_;
  Capture capture_;
  Runtime runtime_;
  IdTable tasks_;
};

/// Of a wasm32 module.
Pump& the_pump() noexcept;

}  // namespace crank::guest
