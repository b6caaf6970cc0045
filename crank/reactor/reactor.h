// A reactor: a guest without threads or event loop, and the host that turns its crank.
//
//     CRANK_TRY(auto reactor, Reactor::open(runtime, engine, module, {.name = "sdk", .bridges = bridges}));
//     Result<Bytes> report = co_await reactor->call("fetch_report", to_bytes("https://…"));
//
//   call ──┐                       ┌── enter ──> pump ──> … ──> complete ──> the caller goes on
//   answer ┼──> inbox ──> turn ────┼── resume ─> pump
//   timer ─┘   (one thread at a    └── pump: budgeted drains until nothing is ready; between drains others run (P3)
//               time, any thread)
//
// A reactor is a serial executor. Every operation may be called from any thread, and returns at once or is awaited. A turn
// that overstays is preempted and goes on later (P7); meanwhile the executor stays held.
//
// Rules
//  1  A token resumes the guest at most once. Whatever comes second, late or for a token nobody knows is refused, counted,
//     and changes nothing (P4).
//  2  A call ends exactly once: by complete, its deadline, its cancellation, the stuck report, or the end of the guest.
//  3  Idle (nothing ready, no bridge or timer pending, nothing in the inbox) with calls not complete is the stuck report:
//     Code::stuck, with what each task waits for.
//  4  A trap or a broken contract ends the guest: every waiting caller gets the error with the guest's frames; later calls
//     get Code::root_dead. Never the process.
//  5  What a reactor starts, it waits for: close() returns when the tasks of its bridges have ended, forgotten ones too. They are
//     cancelled; one that does not listen to that holds close() up for as long as it runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crank/async/runtime.h"
#include "crank/async/task.h"
#include "crank/engine/module.h"
#include "crank/reactor/bridges.h"
#include "crank/reactor/contract.h"
#include "crank/reactor/guest.h"

namespace crank::reactor {

struct ReactorLimits {
  std::int64_t memory_bytes = std::int64_t{64} << 20;
  std::uint32_t calls = 10'000;                   ///< entries in flight; more are refused with Code::limit
  std::uint32_t pending = 20'000;                 ///< bridges and timers; more are resumed with status limit
  std::uint32_t ready = 100'000;                  ///< jobs in the guest's queue; more end the guest
  std::uint32_t streams = 64;                     ///< response bodies being read
  std::size_t payload = std::size_t{16} << 20;    ///< bytes of an argument or an answer
  std::uint32_t log_lines = 1000;                 ///< a drain; what comes after is counted and dropped
  std::size_t log_line = 4096;                    ///< bytes of a line; the rest is cut
  Duration pump_call = std::chrono::seconds(30);  ///< one pump call, preemptions included; longer ends the guest
};

struct ReactorOptions {
  std::string name = "reactor";
  std::shared_ptr<const Bridges> bridges;
  std::uint32_t budget = 256;  ///< jobs a drain
  std::uint32_t drains = 8;    ///< drains a turn, then others run
  std::uint32_t slice = 5;     ///< engine ticks before a drain is preempted
  ReactorLimits limits;
  Duration call_deadline{};                         ///< of calls that name none; zero: none
  Duration cancel_grace = std::chrono::seconds(1);  ///< how long a cancelled entry may take to complete
  NameMap names;
  bool drive = true;                                    ///< false: never pumped; shows what happens then
  std::function<void(LogLevel, std::string_view)> log;  ///< on the reactor's executor; empty: dropped
  std::function<void(std::uint32_t event, std::uint32_t task, std::int64_t value)> trace;
  std::function<void()> ended;  ///< once, on the reactor's executor: the guest is gone, and all that ran for it
};

struct CallOptions {
  Duration deadline{};  ///< zero: the reactor's
  /// It may wait for what other calls bring, as the sender of a queue does: idle is then no reason to call it stuck (rule 3).
  bool waits_for_calls = false;
};

/// Something that was asked for and has not been answered.
struct PendingReport {
  std::uint32_t token = 0;
  std::uint32_t task = 0;
  std::string what;  ///< "http GET https://…", "call position", "timer"
  Duration age{};
  std::string to_string() const;
};

struct ReactorReport {
  std::vector<PendingReport> pending;
  struct Call {
    std::uint32_t task = 0;
    std::string entry;
    Duration age{};
    std::string waits_for;  ///< in the guest's words, if it has any
  };
  std::vector<Call> calls;
  std::uint64_t turns = 0, drains = 0, jobs = 0, preemptions = 0;
  /// Every token ends one way: requests == resumes + forgotten + those pending, at any time (less those a dead guest took along).
  std::uint64_t requests = 0, resumes = 0, forgotten = 0;
  std::uint64_t refused_resumes = 0;    ///< second, late or unknown
  std::uint64_t ignored_completes = 0;  ///< second, late or unknown
  std::optional<Error> dead;            ///< why the guest has ended
  std::string to_string() const;
};

class Reactor {
 public:
  /// Instantiates the module; nothing but its start and _initialize has run. `runtime` outlives the reactor.
  static Result<std::shared_ptr<Reactor>> open(Runtime& runtime, std::shared_ptr<engine::Engine> engine,
                                               const engine::Module& module, ReactorOptions options = {});
  /// The same around a guest that is not a module: `make` gets the host to call.
  using MakeGuest = std::function<Result<std::unique_ptr<Guest>>(GuestHost& host)>;
  static Result<std::shared_ptr<Reactor>> open(Runtime& runtime, MakeGuest make, ReactorOptions options = {},
                                               std::shared_ptr<engine::Engine> engine = nullptr);
  /// Closes it in a turn of its own: calls not complete get Code::root_dead, bridges are cancelled, what was never resumed is
  /// logged. It cannot wait for them: where the runtime ends right after, await close() first.
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  const std::string& name() const noexcept;
  bool has(std::string_view entry) const;

  /// Adds a bridge of this reactor alone, or replaces one; it goes before those of the options. Seen by what is asked for later.
  ///     reactor->bridge("position", [&gps](BridgeRequest) -> Task<Result<Bytes>> { co_return co_await gps.read(); });
  void bridge(std::string name, Bridge bridge, Duration deadline = {});

  /// Starts an entry and waits for its completion. Cancelling the caller asks the guest's task to stop, and waits for it
  /// for `cancel_grace`.
  Task<Result<Bytes>> call(std::string entry, Bytes argument = {}, CallOptions options = {});
  /// Calls the module's probe: success means healthy.
  Task<Result<>> probe(CallOptions options = {});
  /// Answers a token from outside of any bridge, for embedders with callbacks of their own. What came of it.
  Task<Resumed> resume(std::uint32_t token, Status status, Bytes payload);
  Task<ReactorReport> report();
  /// A copy of the guest's memory, for tools and tests.
  Task<Bytes> snapshot();
  /// Ends it as the destructor does, waits until everything that ran for it has ended, and tells what was never resumed by name
  /// and age. Later calls get Code::root_dead; closing again waits the same way.
  Task<ReactorReport> close();
  /// Why the guest has ended, if it has. From any thread.
  std::optional<Error> dead() const;

  class Core;  ///< only this layer's sources know what is in there

 private:
  explicit Reactor(std::shared_ptr<Core> core) noexcept;
  std::shared_ptr<Core> core_;
};

}  // namespace crank::reactor
