#include "crank/component/composition.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "crank/async/lock.h"
#include "crank/async/runtime.h"
#include "crank/async/spawn.h"
#include "crank/component/instantiate.h"
#include "crank/component/match.h"
#include "crank/component/root_state.h"
#include "crank/component/slot.h"

namespace crank::component {

using crank::detail::LockGuard;
using detail::RootState;
using detail::Target;

namespace {

// A root in use by calls of the host.
struct Live {
  std::shared_ptr<Root> root;
  std::uint32_t in_flight = 0, uses = 0;
};

}  // namespace

struct Composition::Wiring {
  struct Edge {
    std::string interface, provider;
  };
  struct Part final : detail::Slot {
    Wiring* wiring = nullptr;
    PartOptions options;
    std::vector<Target> targets;
    std::vector<std::shared_ptr<DefaultActor>> actors;  // by group; null: its own for each root
    std::vector<Edge> edges;

    crank::detail::Lock lock;
    std::vector<std::shared_ptr<Live>> live;  // roots that host calls use
    Live shared;                              // the root that other parts call
    std::vector<std::weak_ptr<Root>> all;
    Counts counts;

    const Program& program() const { return options.blueprint->program(); }
    Result<std::shared_ptr<Root>> make(const detail::Activation* chain);
    bool held_up(const Root& root) const;
    Result<detail::LiftState*> callee(LiftId lift, const detail::Activation* chain) override;
    Result<std::shared_ptr<Live>> acquire();
    void give_back(const std::shared_ptr<Live>& used);
    void retire(std::shared_ptr<Root> root);
  };

  Imports imports;
  std::vector<std::unique_ptr<Part>> parts;
  std::shared_ptr<detail::Domain> domain;
  std::vector<std::string> from_host;
  std::atomic<bool> stopping{false};

  Result<> link();
  Result<> resolve(std::size_t part);
  Result<Target> target_of(std::size_t part, const Import& import, unsigned depth);
  std::vector<detail::Offer> offers_to(std::size_t part) const;
  Result<> check_cycles();
  void share_actors();
  std::vector<std::map<std::string, std::size_t>> providers;  // part -> import item -> providing part
  std::vector<Runtime*> runtimes;
};

// ---- roots of a part ------------------------------------------------------------------------------------------------

Result<std::shared_ptr<Root>> Composition::Wiring::Part::make(const detail::Activation* chain) {
  Runtime* runtime = options.root.runtime ? options.root.runtime : current_runtime();
  if (!runtime)
    return fail(Code::bad_argument,
                "a composition was called outside of any runtime: name one with RootOptions::runtime");
  RootOptions root_options = options.root;
  if (root_options.name.empty()) root_options.name = options.name;
  auto* state = new RootState(options.blueprint, std::move(root_options), *runtime, wiring->domain);
  state->targets = targets;
  state->shared_actors = actors;
  auto root = std::make_shared<Root>(*state);
  state->handle = root;
  CRANK_TRY_VOID(detail::instantiate_root(*state, chain));
  LockGuard guard(lock);
  ++counts.made;
  std::erase_if(all, [](const auto& weak) { return weak.expired(); });
  all.push_back(root);
  return root;
}

namespace {
// It is in a turn that is longer than a slice and may never end: a call would wait for that.
bool overstays(const Root& root) { return root.state_record().overstaying.load(std::memory_order_relaxed) != 0; }
}  // namespace

// The same for the root that other parts call. Where they may hold its resources it is the only one that knows them.
bool Composition::Wiring::Part::held_up(const Root& root) const {
  return overstays(root) && std::ranges::none_of(program().resources, [](const Resource& r) { return !!r.instance; });
}

// Keeps a root whose uses are spent until its tasks have ended.
void Composition::Wiring::Part::retire(std::shared_ptr<Root> root) {
  if (!root) return;
  if (root->state() != Root::State::live) {
    if (root->state() == Root::State::trapped) {
      LockGuard guard(lock);
      ++counts.trapped;
    }
    return;
  }
  if (root->tasks_alive() == 0) return;
  Runtime* runtime = &root->state_record().runtime;
  spawn_detached([](std::shared_ptr<Root> kept) -> Task<> { co_await kept->drained(); }(std::move(root)),
                 {.name = "retiring root", .runtime = runtime})
      .run_on();
}

Result<detail::LiftState*> Composition::Wiring::Part::callee(LiftId lift, const detail::Activation* chain) {
  for (;;) {
    std::shared_ptr<Root> old;
    {
      LockGuard guard(lock);
      const bool spent = options.reuse.max_uses != 0 && shared.uses >= options.reuse.max_uses;
      if (shared.root && shared.root->state() == Root::State::live && !spent && !held_up(*shared.root)) {
        ++shared.uses;
        RootState& state = shared.root->state_record();
        state.retain();
        state.task_began();
        return &state.lifts[index(lift)];
      }
      old = std::move(shared.root);
      shared.uses = 0;
    }
    retire(std::move(old));
    CRANK_TRY(std::shared_ptr<Root> fresh, make(chain));
    LockGuard guard(lock);
    if (!shared.root) {
      shared.root = std::move(fresh);
      shared.uses = 0;
    }
  }
}

Result<std::shared_ptr<Live>> Composition::Wiring::Part::acquire() {
  const ReusePolicy& reuse = options.reuse;
  std::vector<std::shared_ptr<Root>> dead;
  std::shared_ptr<Live> found;
  {
    LockGuard guard(lock);
    std::erase_if(live, [&](const std::shared_ptr<Live>& l) {
      if (l->root->state() == Root::State::live) return false;
      dead.push_back(l->root);
      return true;
    });
    for (const auto& l : live) {
      if (l->in_flight >= reuse.concurrent || (reuse.max_uses != 0 && l->uses >= reuse.max_uses)) continue;
      if (overstays(*l->root)) continue;
      found = l;
      break;
    }
    if (found) ++found->in_flight, ++found->uses;
  }
  for (auto& root : dead) retire(std::move(root));
  if (found) return found;
  CRANK_TRY(std::shared_ptr<Root> root, make(nullptr));
  auto made = std::make_shared<Live>(Live{std::move(root), 1, 1});
  LockGuard guard(lock);
  live.push_back(made);
  return made;
}

void Composition::Wiring::Part::give_back(const std::shared_ptr<Live>& used) {
  std::shared_ptr<Root> done;
  {
    LockGuard guard(lock);
    --used->in_flight;
    const bool spent = options.reuse.max_uses != 0 && used->uses >= options.reuse.max_uses;
    if (used->root->state() != Root::State::live || (spent && used->in_flight == 0)) {
      if (std::erase(live, used) != 0) done = used->root;
    }
  }
  retire(std::move(done));
}

// ---- linking --------------------------------------------------------------------------------------------------------

namespace {

std::string item_of(const std::string& interface, const std::string& name) {
  return interface.empty() ? name : interface.substr(0, interface.find('#'));
}

}  // namespace

// Which part fills each import item: the plugs in their order, then the main part; never the part itself.
Result<> Composition::Wiring::resolve(std::size_t at) {
  Part& part = *parts[at];
  for (const Export& wanted : part.program().import_items) {
    std::optional<Error> mismatch;
    auto try_provider = [&](std::size_t other) -> bool {
      if (other == at) return false;
      const Program& provider = parts[other]->program();
      for (const Export& given : provider.exports) {
        if (given.item.kind != wanted.item.kind ||
            !(given.name == wanted.name || versions_match(wanted.name, given.name)))
          continue;
        Matcher matcher(part.program(), provider);
        if (auto fits = matcher.satisfies(wanted, given.item); !fits) {
          mismatch = std::move(fits).error().wrap(
              Code::bad_type, concat(part.options.name, " imports ", wanted.name, ", and ", parts[other]->options.name,
                                     " exports it with another type"));
          return false;
        }
        providers[at][wanted.name] = other;
        part.edges.push_back({wanted.name, parts[other]->options.name});
        return true;
      }
      return false;
    };
    bool found = false;
    for (std::size_t other = 1; other < parts.size() && !found; ++other) found = try_provider(other);
    if (!found && at != 0) found = try_provider(0);
    if (!found && mismatch) return fail(*std::move(mismatch));
  }
  return {};
}

namespace {

void list_offers(const std::string& owner, const std::string& prefix, const std::vector<Export>& exports,
                 std::vector<detail::Offer>& out) {
  for (const Export& e : exports) {
    if (e.item.kind == ExportItem::function) out.push_back({owner, concat(prefix, e.name)});
    if (e.item.kind == ExportItem::instance) list_offers(owner, concat(prefix, e.name, "#"), e.item.exports, out);
  }
}

}  // namespace

std::vector<detail::Offer> Composition::Wiring::offers_to(std::size_t at) const {
  std::vector<detail::Offer> offers;
  for (std::size_t other = 0; other < parts.size(); ++other)
    if (other != at) list_offers(parts[other]->options.name, "", parts[other]->program().exports, offers);
  return offers;
}

Result<Target> Composition::Wiring::target_of(std::size_t at, const Import& import, unsigned depth) {
  Part& part = *parts[at];
  auto provider = providers[at].find(item_of(import.interface, import.name));
  if (provider == providers[at].end()) return detail::bind_to_host(part.program(), import, imports, offers_to(at));
  Part& other = *parts[provider->second];
  const std::string path = import.interface.empty() ? import.name : concat(import.interface, "#", import.name);
  const Export* given = detail::find_in(other.program().exports, path);
  if (!given)
    return fail(Code::missing_export,
                concat(part.options.name, " imports ", path, ", which ", other.options.name, " does not export"));
  if (given->item.function_source.kind == FuncSource::imported) {
    if (depth > parts.size()) return fail(Code::bad_argument, concat("the import ", path, " leads back to itself"));
    return target_of(provider->second, other.program().imports[given->item.function_source.index], depth + 1);
  }
  Target target;
  target.kind = Target::edge;
  target.import = &import;
  target.slot = &other;
  target.edge_lift = LiftId{given->item.function_source.index};
  return target;
}

Result<> Composition::Wiring::check_cycles() {
  std::vector<int> color(parts.size(), 0);
  std::function<std::optional<std::string>(std::size_t)> visit = [&](std::size_t at) -> std::optional<std::string> {
    color[at] = 1;
    for (const auto& [name, other] : providers[at]) {
      if (color[other] == 1)
        return concat(parts[at]->options.name, " imports ", name, " from ", parts[other]->options.name,
                      ", which needs it in turn");
      if (color[other] == 0)
        if (auto cycle = visit(other)) return cycle;
    }
    color[at] = 2;
    return std::nullopt;
  };
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (color[i] == 0)
      if (auto cycle = visit(i)) return fail(Code::bad_argument, concat("the parts form a cycle: ", *cycle));
  return {};
}

// Groups joined by a sync-typed edge share an executor, so that such a call never waits (DESIGN, C1).
void Composition::Wiring::share_actors() {
  std::vector<std::size_t> first(parts.size() + 1, 0);
  for (std::size_t i = 0; i < parts.size(); ++i) first[i + 1] = first[i] + parts[i]->program().groups.size();
  std::vector<std::size_t> parent(first.back());
  for (std::size_t i = 0; i < parent.size(); ++i) parent[i] = i;
  std::function<std::size_t(std::size_t)> root_of = [&](std::size_t i) {
    return parent[i] == i ? i : parent[i] = root_of(parent[i]);
  };
  std::vector<bool> joined(parent.size(), false);
  auto group_of = [&](std::size_t part, InstanceId id) -> std::optional<std::size_t> {
    const auto& group = parts[part]->program().instances[index(id)].group;
    if (!group) return std::nullopt;
    return first[part] + index(*group);
  };
  auto join = [&](std::optional<std::size_t> a, std::optional<std::size_t> b) {
    if (!a || !b) return;
    joined[*a] = joined[*b] = true;
    parent[root_of(*a)] = root_of(*b);
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Program& program = parts[i]->program();
    for (const Trampoline& t : program.trampolines) {
      if (t.op == Builtin::lower && t.callee.kind == FuncSource::imported && !t.function->async_) {
        const Target& target = parts[i]->targets[t.callee.index];
        if (target.kind != Target::edge) continue;
        for (std::size_t j = 0; j < parts.size(); ++j)
          if (parts[j].get() == target.slot)
            join(group_of(i, t.instance), group_of(j, parts[j]->program().lifts[index(target.edge_lift)].instance));
      }
      if (t.op == Builtin::resource_drop && !program.resources[index(t.resource)].instance) {
        auto provider = providers[i].find(item_of(program.resources[index(t.resource)].import_interface,
                                                  program.resources[index(t.resource)].import_name));
        if (provider == providers[i].end()) continue;
        for (const Resource& r : parts[provider->second]->program().resources)
          if (r.instance && r.destructor) join(group_of(i, t.instance), group_of(provider->second, *r.instance));
      }
    }
  }
  std::map<std::size_t, std::shared_ptr<DefaultActor>> actors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i]->actors.resize(parts[i]->program().groups.size());
    for (std::size_t g = 0; g < parts[i]->actors.size(); ++g) {
      if (!joined[first[i] + g]) continue;
      auto& actor = actors[root_of(first[i] + g)];
      if (!actor) {
        Runtime* runtime = parts[i]->options.root.runtime ? parts[i]->options.root.runtime : current_runtime();
        if (runtime) actor = detail::make_actor(*runtime);
      }
      parts[i]->actors[g] = actor;
    }
  }
}

Result<> Composition::Wiring::link() {
  providers.resize(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i]->program().not_instantiable.empty())
      return fail(Code::unsupported, concat(parts[i]->options.name, ": ", parts[i]->program().not_instantiable));
    CRANK_TRY_VOID(resolve(i));
  }
  CRANK_TRY_VOID(check_cycles());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const Import& import : parts[i]->program().imports) {
      auto target = target_of(i, import, 0);
      if (!target)
        return fail(std::move(target).error().wrap(target.error().code(),
                                                   concat("linking ", parts[i]->options.name, " failed")));
      if (target->kind != Target::edge) {
        std::string line =
            concat(parts[i]->options.name, " ", import.interface.empty() ? import.name : import.interface, " -> host");
        if (std::find(from_host.begin(), from_host.end(), line) == from_host.end())
          from_host.push_back(std::move(line));
      }
      parts[i]->targets.push_back(*std::move(target));
    }
  }
  share_actors();
  return {};
}

// ---- the public face ------------------------------------------------------------------------------------------------

Composition::Builder::Builder(Imports imports) : imports_(std::move(imports)) {}

Composition::Builder& Composition::Builder::part(PartOptions part) {
  parts_.insert(parts_.begin(), std::move(part));
  has_main_ = true;
  return *this;
}

Composition::Builder& Composition::Builder::plug(PartOptions part) {
  parts_.push_back(std::move(part));
  return *this;
}

Result<std::shared_ptr<Composition>> Composition::Builder::link() {
  if (!has_main_) return fail(Code::bad_argument, "a composition needs a main part: Builder::part");
  auto wiring = std::make_unique<Wiring>();
  wiring->imports = imports_;
  for (PartOptions& options : parts_) {
    auto part = std::make_unique<Wiring::Part>();
    part->wiring = wiring.get();
    part->options = options;
    if (part->options.name.empty()) part->options.name = options.blueprint->program().name;
    wiring->parts.push_back(std::move(part));
  }
  wiring->domain = std::make_shared<detail::Domain>(wiring->parts[0]->options.blueprint->engine());
  CRANK_TRY_VOID(wiring->link());
  return std::make_shared<Composition>(std::move(wiring));
}

Composition::Composition(std::unique_ptr<Wiring> wiring) : wiring_(std::move(wiring)) {}

Composition::~Composition() {
  // Callers first, so that nobody calls into a part that is gone.
  for (auto& part : wiring_->parts) {
    for (auto& weak : part->all)
      if (auto root = weak.lock()) root->destroy();
  }
}

Result<Function> Composition::function(std::string_view path) const {
  return find_function(*wiring_->parts[0]->options.blueprint, path);
}

Task<Result<Value>> Composition::call(Function function, std::vector<Value> arguments, CallOptions options) {
  auto self = shared_from_this();
  if (wiring_->stopping.load(std::memory_order_relaxed))
    co_return fail(Code::bad_state, "the composition is stopping and takes no new calls");
  Wiring::Part& main = *wiring_->parts[0];
  auto live = main.acquire();
  if (!live) co_return fail(std::move(live).error());
  Result<Value> result = co_await (*live)->root->call(function, std::move(arguments), options);
  main.give_back(*live);
  co_return result;
}

std::string Composition::describe() const {
  std::string out;
  for (const auto& part : wiring_->parts)
    for (const auto& edge : part->edges)
      out += concat(part->options.name, " ", edge.interface, " -> ", edge.provider, "\n");
  for (const auto& line : wiring_->from_host) out += line + "\n";
  return out;
}

std::size_t Composition::part_count() const noexcept { return wiring_->parts.size(); }
std::string_view Composition::part_name(std::size_t part) const { return wiring_->parts[part]->options.name; }

Composition::Counts Composition::counts(std::size_t at) const {
  Wiring::Part& part = *wiring_->parts[at];
  LockGuard guard(part.lock);
  Counts counts = part.counts;
  for (const auto& weak : part.all) {
    auto root = weak.lock();
    if (!root) continue;
    if (root->state() == Root::State::live) ++counts.live;
    counts.calls_in_flight += root->calls_in_flight();
  }
  return counts;
}

Task<> Composition::stop(std::chrono::nanoseconds grace) {
  auto self = shared_from_this();
  wiring_->stopping.store(true);
  std::vector<std::shared_ptr<Root>> roots;
  for (auto& part : wiring_->parts) {
    LockGuard guard(part->lock);
    for (auto& weak : part->all)
      if (auto root = weak.lock()) roots.push_back(std::move(root));
  }
  if (roots.empty()) co_return;
  Runtime& runtime = roots.front()->state_record().runtime;
  // The timer may fire while this task ends: what it needs is shared.
  struct Deadline : Timer {
    using Timer::Timer;
    std::vector<std::shared_ptr<Root>> roots;
    std::shared_ptr<Deadline> self;
  };
  auto deadline = std::make_shared<Deadline>([](Timer& timer) noexcept {
    auto kept = std::move(static_cast<Deadline&>(timer).self);
    for (auto& root : kept->roots) root->destroy();
  });
  deadline->roots = roots;
  deadline->self = deadline;
  runtime.timers().add(*deadline, runtime.now() + grace);
  for (auto& root : roots) co_await root->drained();
  if (runtime.timers().remove(*deadline)) deadline->self.reset();
  for (auto& root : roots) root->destroy();
}

}  // namespace crank::component
