// Last-known-good: a module that misbehaves is replaced by the last that worked, and in the end by native code.
//
//     current ──ended──> previous ──ended──> bundled ──> disabled
//        ^ update(): a candidate is verified, instantiated and probed, and only then becomes current
//
// Each rung is proved anew when it is stepped on: signature and digest, instantiation, its probe. One log line says why a
// step was taken. A rung steps down when its guest ends (trap, broken contract, limit), when it is stuck with a call that it will
// never complete, when an entry that is called has another type, or when the kill list takes its version.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crank/reactor/reactor.h"
#include "crank/reactor/release.h"

namespace crank::reactor {

enum class Rung : std::uint8_t { current, previous, bundled, disabled };
std::string_view name_of(Rung rung) noexcept;

struct ChainOptions {
  std::string name = "reactor";
  std::vector<PublicKey> keys;
  ReactorOptions reactor;      ///< for every rung; `name` and `log` are the chain's
  Reactor::MakeGuest bundled;  ///< the same source as native code; empty: none
  std::shared_ptr<engine::Engine> engine;
  Duration probe_deadline = std::chrono::seconds(2);
  bool compile_aside = true;  ///< on a thread of its own, so that no worker blocks; false: where it is asked for
  std::function<void(std::string_view)> log;  ///< one line a step; from any thread
};

struct ChainCallOptions {
  Duration deadline{};
  bool waits_for_calls = false;  ///< as CallOptions'
  /// The call is made again on the next rung when the guest ended under it, or got stuck. What its bridges did by then has happened:
  /// false for calls that must not be made twice.
  bool again = true;
};

struct ChainState {
  Rung rung = Rung::disabled;
  std::uint64_t version = 0;  ///< of the release on that rung; 0 for bundled and disabled
  std::uint64_t steps = 0;    ///< how often the chain stepped down
  std::optional<Error> last;  ///< why it did so last
};

class Chain : public std::enable_shared_from_this<Chain> {
 public:
  /// `runtime` outlives the chain and its reactors: where it ends right after the chain, await close() first.
  static std::shared_ptr<Chain> make(Runtime& runtime, ChainOptions options);
  ~Chain();
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  /// Takes the releases at hand and steps on the highest rung that proves itself. The error says why none did.
  Task<Result<>> start(std::optional<Release> current, std::optional<Release> previous);
  /// Verifies, instantiates and probes; success makes it current, and what was current previous. Calls in flight finish on
  /// the old one. An error leaves everything as it was.
  Task<Result<>> update(Release candidate);
  /// The versions on it are not run any more. An older list than the one in force is refused.
  Task<Result<>> apply(KillList list);
  /// Calls the rung that stands; Code::not_found when all are gone.
  Task<Result<Bytes>> call(std::string entry, Bytes argument = {}, ChainCallOptions options = {});
  ChainState state() const;
  /// Steps on `disabled` for good: calls in flight get Code::root_dead. Returns when every reactor it ever opened has ended, with all
  /// that ran for it.
  Task<> close();

 private:
  struct State;
  struct Living;
  Chain(Runtime& runtime, ChainOptions options);
  struct Slot;
  Result<std::shared_ptr<Reactor>> note(Result<std::shared_ptr<Reactor>> opened);
  ReactorOptions reactor_options() const;
  Result<> not_closed(std::string_view what) const;
  Task<Result<std::shared_ptr<Reactor>>> prove(Slot& slot);
  Task<Result<engine::Module>> compile(const Release& release);
  Task<Result<std::shared_ptr<Reactor>>> prove_bundled();
  Task<Result<std::shared_ptr<Reactor>>> standing(std::uint64_t& generation);
  Task<> step_down(std::uint64_t generation, Error why);
  Task<> settle(Rung from);
  Task<> enter();
  void leave();
  void log(std::string line) const;

  Runtime& runtime_;
  ChainOptions options_;
  std::unique_ptr<State> state_;
};

/// Fetches the list from a server; the gate's rules hold.
Task<Result<KillList>> fetch_kill_list(HttpGate& gate, std::string url, std::vector<PublicKey> keys);

}  // namespace crank::reactor
