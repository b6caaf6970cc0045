// Rules. 1. Steps, updates and kill lists happen one at a time: between enter() and leave(). 2. `generation` changes with
// every change of the standing rung; a caller that saw its rung end asks for a step from that generation, and only the first
// such caller takes it. 3. What stands is replaced before what stood is let go: calls in flight keep their reactor alive. 4. Every
// reactor that was opened is counted until it has ended; close() waits for the last.
#include "crank/reactor/chain.h"

#include <deque>
#include <mutex>
#include <thread>

#include "crank/async/continuation.h"

namespace crank::reactor {

/// A release and, once it was compiled, its code: stepping on it again costs the proof only.
struct Chain::Slot {
  Release release;
  engine::Module module;
};

/// The reactors that have not ended (rule 4).
struct Chain::Living {
  std::mutex mutex;
  std::size_t count = 0;
  std::vector<std::weak_ptr<Reactor>> reactors;
  std::vector<Continuation<>> waiting;

  void gone() {
    std::vector<Continuation<>> last;
    {
      std::lock_guard lock(mutex);
      if (--count == 0) last = std::exchange(waiting, {});
    }
    for (Continuation<>& each : last) each.resume();
  }
};

struct Chain::State {
  mutable std::mutex mutex;
  std::optional<Slot> current, previous;
  std::shared_ptr<Reactor> reactor;
  ChainState now;
  std::uint64_t generation = 0;
  KillList killed;
  bool busy = false, closed = false;
  std::shared_ptr<Living> living = std::make_shared<Living>();
  std::deque<Continuation<>> waiting;  // for leave()
};

namespace {

// Why another rung may do better, if so: the guest ended, left this call without an end, or exports the entry with another type.
std::optional<Error> misbehaved(const Reactor& reactor, const Result<Bytes>& answer) {
  if (answer) return std::nullopt;
  if (auto dead = reactor.dead()) return dead;
  if (Code code = answer.error().code(); code == Code::stuck || code == Code::bad_type) return answer.error();
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Rung rung) noexcept {
  constexpr std::string_view names[] = {"current", "previous", "bundled", "disabled"};
  return names[static_cast<unsigned>(rung)];
}

Chain::Chain(Runtime& runtime, ChainOptions options)
    : runtime_(runtime), options_(std::move(options)), state_(std::make_unique<State>()) {
  options_.reactor.name = options_.name;
}
Chain::~Chain() = default;
std::shared_ptr<Chain> Chain::make(Runtime& runtime, ChainOptions options) {
  return std::shared_ptr<Chain>(new Chain(runtime, std::move(options)));
}

void Chain::log(std::string line) const {
  if (options_.log) options_.log(concat(options_.name, ": ", line));
}

ChainState Chain::state() const {
  std::lock_guard lock(state_->mutex);
  return state_->now;
}

Task<> Chain::enter() {
  {
    std::lock_guard lock(state_->mutex);
    if (!std::exchange(state_->busy, true)) co_return;
  }
  co_await with_continuation<>([&](Continuation<> go) {
    std::lock_guard lock(state_->mutex);
    if (!std::exchange(state_->busy, true)) return go.resume();
    state_->waiting.push_back(std::move(go));
  });
}

void Chain::leave() {
  std::optional<Continuation<>> next;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->waiting.empty()) {
      state_->busy = false;
    } else {
      next.emplace(std::move(state_->waiting.front()));
      state_->waiting.pop_front();
    }
  }
  if (next) next->resume();
}

Task<Result<engine::Module>> Chain::compile(const Release& release) {
  if (!options_.compile_aside) co_return engine::Module::compile(*options_.engine, release.module);
  co_return co_await with_continuation<Result<engine::Module>>([&](Continuation<Result<engine::Module>> done) {
    std::thread([engine = options_.engine, &release, done = std::move(done)]() mutable {
      auto module = engine::Module::compile(*engine, release.module);
      engine.reset();  // resumed, nothing is left here that the program may end under
      done.resume(std::move(module));
    }).detach();
  });
}

ReactorOptions Chain::reactor_options() const {
  ReactorOptions options = options_.reactor;
  options.ended = [living = state_->living, then = options_.reactor.ended] {
    if (then) then();
    living->gone();
  };
  return options;
}

// Counts what was opened.
Result<std::shared_ptr<Reactor>> Chain::note(Result<std::shared_ptr<Reactor>> opened) {
  if (!opened) return opened;
  std::lock_guard lock(state_->living->mutex);
  ++state_->living->count;
  std::erase_if(state_->living->reactors, [](const auto& each) { return each.expired(); });
  state_->living->reactors.push_back(*opened);
  return opened;
}

Result<> Chain::not_closed(std::string_view what) const {
  std::lock_guard lock(state_->mutex);
  if (!state_->closed) return {};
  return fail(Code::root_dead, concat(what, " ", options_.name, ": it was closed"));
}

Task<Result<std::shared_ptr<Reactor>>> Chain::prove(Slot& slot) {
  using Out = Result<std::shared_ptr<Reactor>>;
  const Release& release = slot.release;
  if (auto verified = release.verify(options_.keys); !verified)
    co_return Out(std::unexpected(std::move(verified).error()));
  if (state_->killed.kills(release.name, release.version))
    co_return Out(fail(Code::verification, concat(release.name, " ", release.version, " is on the kill list")));
  if (!options_.engine) co_return Out(fail(Code::bad_state, "this chain has no engine to run modules"));
  if (!slot.module) {
    auto module = co_await compile(release);
    if (!module) co_return Out(std::unexpected(std::move(module).error()));
    slot.module = std::move(*module);
  }
  auto reactor = note(Reactor::open(runtime_, options_.engine, slot.module, reactor_options()));
  if (!reactor) co_return Out(std::unexpected(std::move(reactor).error()));
  auto probed = co_await (*reactor)->probe({.deadline = options_.probe_deadline});
  if (!probed) co_return Out(std::unexpected(std::move(probed).error()));
  co_return Out(std::move(*reactor));
}

Task<Result<std::shared_ptr<Reactor>>> Chain::prove_bundled() {
  using Out = Result<std::shared_ptr<Reactor>>;
  if (!options_.bundled) co_return Out(fail(Code::not_found, "this program bundles no native code for it"));
  auto reactor = note(Reactor::open(runtime_, options_.bundled, reactor_options()));
  if (!reactor) co_return Out(std::unexpected(std::move(reactor).error()));
  auto probed = co_await (*reactor)->probe({.deadline = options_.probe_deadline});
  if (!probed) co_return Out(std::unexpected(std::move(probed).error()));
  co_return Out(std::move(*reactor));
}

// Between enter() and leave(): steps on the highest rung from `from` on that proves itself.
Task<> Chain::settle(Rung from) {
  std::shared_ptr<Reactor> stood;
  for (auto rung = from;; rung = static_cast<Rung>(static_cast<unsigned>(rung) + 1)) {
    Result<std::shared_ptr<Reactor>> proved = fail(Code::not_found, "there is none");
    std::uint64_t version = 0;
    if (rung == Rung::disabled) {
      proved = std::shared_ptr<Reactor>();
    } else if (rung == Rung::bundled) {
      proved = co_await prove_bundled();
    } else if (auto& slot = rung == Rung::current ? state_->current : state_->previous) {
      version = slot->release.version;
      proved = co_await prove(*slot);
    }
    if (!proved) {
      if (proved.error().code() != Code::not_found || rung == Rung::bundled)
        log(concat("the ", name_of(rung), " rung", version != 0 ? concat(" (version ", version, ")") : std::string(),
                   " is no good: ", proved.error().to_string()));
      std::lock_guard lock(state_->mutex);
      state_->now.last = proved.error();
      continue;
    }
    log(rung == Rung::disabled ? std::string("disabled: no rung is left")
                               : concat("now on the ", name_of(rung), " rung",
                                        version != 0 ? concat(", version ", version) : std::string()));
    std::lock_guard lock(state_->mutex);
    stood = std::exchange(state_->reactor, std::move(*proved));
    state_->now.rung = rung;
    state_->now.version = version;
    ++state_->generation;
    break;
  }
}

Task<> Chain::step_down(std::uint64_t generation, Error why) {
  co_await enter();
  Rung next = Rung::disabled;
  bool mine = false;
  {
    std::lock_guard lock(state_->mutex);
    mine = generation == state_->generation;
    if (mine) {
      next = static_cast<Rung>(static_cast<unsigned>(state_->now.rung) + 1);
      ++state_->now.steps;
      state_->now.last = why;
    }
  }
  if (mine) {
    std::string version = state_->now.version != 0 ? concat(" (version ", state_->now.version, ")") : std::string();
    log(concat("the ", name_of(state_->now.rung), " rung", version, " ended: ", why.to_string(), "; stepping down"));
    co_await settle(next);
  }
  leave();
}

Task<Result<>> Chain::start(std::optional<Release> current, std::optional<Release> previous) {
  co_await enter();
  if (auto open = not_closed("starting"); !open) {
    leave();
    co_return open;
  }
  state_->current.reset();
  state_->previous.reset();
  if (current) state_->current.emplace(std::move(*current));
  if (previous) state_->previous.emplace(std::move(*previous));
  co_await settle(Rung::current);
  // The rung below is compiled while nothing is wrong; whether it is any good is proved when it is needed.
  if (auto& below = state_->previous; state_->now.rung == Rung::current && below && !below->module && options_.engine &&
                                      below->release.verify(options_.keys)) {
    if (auto module = co_await compile(below->release)) below->module = std::move(*module);
  }
  Result<> out;
  if (state_->now.rung == Rung::disabled)
    out = std::unexpected(
        Error(*state_->now.last).wrap(Code::not_found, concat("starting ", options_.name, ": no rung proved itself")));
  leave();
  co_return out;
}

Task<Result<>> Chain::update(Release candidate) {
  co_await enter();
  Result<> out = not_closed("updating");
  if (!out) {
    leave();
    co_return out;
  }
  Slot slot{std::move(candidate), {}};
  auto proved = co_await prove(slot);
  std::uint64_t version = slot.release.version;
  std::shared_ptr<Reactor> stood;
  if (!proved) {
    Code code = proved.error().code();
    log(concat("version ", version, " is refused: ", proved.error().to_string()));
    out = std::unexpected(std::move(proved).error().wrap(
        code, concat("updating ", options_.name, " to version ", version, ": refused, nothing was changed")));
  } else {
    {
      std::lock_guard lock(state_->mutex);
      // What is known good is what stands now.
      if (state_->now.rung == Rung::current) state_->previous = std::move(state_->current);
      state_->current = std::move(slot);
      stood = std::exchange(state_->reactor, std::move(*proved));
      state_->now.rung = Rung::current;
      state_->now.version = version;
      ++state_->generation;
    }
    log(concat("version ", version, " is proved; now on the current rung, version ", version));
  }
  leave();
  co_return out;
}

Task<Result<>> Chain::apply(KillList list) {
  co_await enter();
  Result<> out = not_closed("applying a kill list to");
  if (out && list.serial() < state_->killed.serial()) {
    out = fail(Code::verification, concat("applying kill list ", list.serial(), ": list ", state_->killed.serial(),
                                          " is in force, an older one cannot replace it"));
  }
  if (out) {
    state_->killed = std::move(list);
    Rung rung = state_->now.rung;
    const std::optional<Slot>* standing = rung == Rung::current    ? &state_->current
                                          : rung == Rung::previous ? &state_->previous
                                                                   : nullptr;
    if (standing != nullptr && *standing &&
        state_->killed.kills((*standing)->release.name, (*standing)->release.version)) {
      log(concat("the kill list takes version ", (*standing)->release.version, " back; stepping down"));
      {
        std::lock_guard lock(state_->mutex);
        ++state_->now.steps;
        state_->now.last =
            Error(Code::verification, concat("version ", (*standing)->release.version, " is on the kill list"));
      }
      co_await settle(static_cast<Rung>(static_cast<unsigned>(rung) + 1));
    }
  }
  leave();
  co_return out;
}

Task<Result<std::shared_ptr<Reactor>>> Chain::standing(std::uint64_t& generation) {
  using Out = Result<std::shared_ptr<Reactor>>;
  std::lock_guard lock(state_->mutex);
  generation = state_->generation;
  if (!state_->reactor) {
    Error last = state_->now.last.value_or(Error(Code::bad_state, "it was never started"));
    co_return Out(std::unexpected(std::move(last).wrap(Code::not_found, concat(options_.name, " is disabled"))));
  }
  co_return Out(state_->reactor);
}

Task<Result<Bytes>> Chain::call(std::string entry, Bytes argument, ChainCallOptions options) {
  auto keep = shared_from_this();
  for (;;) {
    std::uint64_t generation = 0;
    auto reactor = co_await standing(generation);
    if (!reactor) co_return std::unexpected(std::move(reactor).error());
    Result<Bytes> answer = co_await (*reactor)->call(
        entry, argument, {.deadline = options.deadline, .waits_for_calls = options.waits_for_calls});
    auto why = misbehaved(**reactor, answer);
    if (!why) co_return answer;
    bool never_began = answer.error().code() == Code::root_dead;
    co_await step_down(generation, std::move(*why));
    if (!options.again && !never_began) co_return answer;
  }
}

Task<> Chain::close() {
  auto keep = shared_from_this();
  auto living = state_->living;
  co_await enter();
  {
    std::shared_ptr<Reactor> stood;
    std::lock_guard lock(state_->mutex);
    state_->closed = true;
    stood = std::exchange(state_->reactor, nullptr);
    state_->now.rung = Rung::disabled;
    state_->now.version = 0;
    state_->now.last = Error(Code::root_dead, "it was closed");
    ++state_->generation;
  }
  leave();
  std::vector<std::weak_ptr<Reactor>> all;
  {
    std::lock_guard lock(living->mutex);
    all = living->reactors;
  }
  // Those that calls in flight still hold; the others are on their way out.
  for (auto& each : all) {
    if (auto reactor = each.lock()) std::ignore = co_await reactor->close();
  }
  co_await with_continuation<>([&](Continuation<> done) {
    std::lock_guard lock(living->mutex);
    if (living->count == 0) return done.resume();
    living->waiting.push_back(std::move(done));
  });
}

Task<Result<KillList>> fetch_kill_list(HttpGate& gate, std::string url, std::vector<PublicKey> keys) {
  HttpQuery query;
  query.method = "GET";
  query.url = std::move(url);
  auto answer = co_await gate.fetch(std::move(query));
  if (!answer) co_return std::unexpected(std::move(answer).error());
  if (answer->status != 200)
    co_return fail(Code::not_found, concat("fetching the kill list: the server answered ", answer->status));
  co_return KillList::parse(as_text(answer->body), keys);
}

}  // namespace crank::reactor
