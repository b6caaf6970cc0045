#include "crank/component/root.h"

#include <algorithm>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/runtime.h"
#include "crank/component/host_caller.h"
#include "crank/component/instantiate.h"
#include "crank/component/match.h"
#include "crank/component/report.h"
#include "crank/component/root_state.h"
#include "crank/component/slot.h"
#include "crank/component/task.h"

namespace crank::component {

using detail::Call;
using detail::RootState;
using detail::Target;

namespace {

// "; the nearest …": of what the host has and what other parts export.
std::string nearest_text(const Import& import, const Imports& imports, std::span<const detail::Offer> offers) {
  const std::string wanted = import.interface.empty() ? import.name : concat(import.interface, "#", import.name);
  const std::vector<std::string> of_host = imports.items();
  std::vector<std::string_view> all(of_host.begin(), of_host.end());
  for (const auto& offer : offers) all.push_back(offer.item);
  const std::string_view found = component::nearest(wanted, all);
  if (found.empty()) return {};
  for (const auto& offer : offers)
    if (found.data() == offer.item.data())
      return concat("; the nearest is ", found, ", which ", offer.owner, " exports");
  return concat("; the nearest the host has is ", found);
}

}  // namespace

Result<detail::Target> detail::bind_to_host(const Program& program, const Import& import, const Imports& imports,
                                            std::span<const Offer> offers) {
  Imports::Found found = imports.find(import.interface, import.name);
  Target target;
  target.import = &import;
  // A sync-typed function cannot wait; for an async-typed one the plain form is the faster.
  if (found.plain) {
    target.kind = Target::host_plain;
    target.plain = *found.plain;
    return target;
  }
  if (found.async && import.type->async_) {
    target.kind = Target::host_async;
    target.async = *found.async;
    return target;
  }
  if (found.async)
    return fail(Code::bad_type,
                concat("the host provides ", import.interface, "#", import.name,
                       " as an async function, but the component imports it as ", to_string(*import.type, program)));
  return fail(Code::missing_import,
              concat("nothing provides ", import.interface.empty() ? "" : import.interface + "#", import.name, ": ",
                     to_string(*import.type, program), nearest_text(import, imports, offers)));
}

namespace {

void list_functions(const std::vector<Export>& exports, const std::string& prefix, std::string& out) {
  for (const Export& e : exports) {
    if (e.item.kind == ExportItem::function) out += concat(out.empty() ? "" : ", ", prefix, e.name);
    if (e.item.kind == ExportItem::instance) list_functions(e.item.exports, concat(prefix, e.name, "#"), out);
  }
}

}  // namespace

const Export* detail::find_in(const std::vector<Export>& exports, std::string_view path) {
  for (const Export& e : exports)
    if (e.item.kind == ExportItem::function && e.name == path) return &e;
  auto at = path.rfind('#');
  if (at == std::string_view::npos) return nullptr;
  std::string_view interface = path.substr(0, at), name = path.substr(at + 1);
  for (bool exact : {true, false}) {
    for (const Export& e : exports) {
      if (e.item.kind != ExportItem::instance) continue;
      if (exact ? e.name != interface : !versions_match(interface, e.name)) continue;
      if (const Export* found = find_in(e.item.exports, name)) return found;
    }
  }
  return nullptr;
}

namespace {

void find_anywhere(const std::vector<Export>& exports, std::string_view name, std::vector<const Export*>& out) {
  for (const Export& e : exports) {
    if (e.item.kind == ExportItem::instance) find_anywhere(e.item.exports, name, out);
    if (e.item.kind == ExportItem::function && e.name == name) out.push_back(&e);
  }
}

}  // namespace

Result<Function> find_function(const Blueprint& blueprint, std::string_view path) {
  const Program& program = blueprint.program();
  const Export* found = detail::find_in(program.exports, path);
  if (!found) {
    std::vector<const Export*> all;
    find_anywhere(program.exports, path, all);
    if (all.size() > 1)
      return fail(Code::missing_export,
                  concat("several exported interfaces have a function ", path, ": say which, as interface#", path));
    if (all.size() == 1) found = all.front();
  }
  if (!found) {
    std::string there;
    list_functions(program.exports, "", there);
    return fail(Code::missing_export,
                concat("the component exports no function ", path, "; it has ", there.empty() ? "none" : there));
  }
  Function f;
  f.program_ = &program;
  f.source_ = found->item.function_source;
  f.type_ = found->item.function_type;
  f.name_ = &found->name;
  return f;
}

Result<std::shared_ptr<Root>> Root::instantiate(std::shared_ptr<const Blueprint> blueprint, const Imports& imports,
                                                RootOptions options) {
  Runtime* runtime = options.runtime ? options.runtime : current_runtime();
  if (!runtime)
    return fail(Code::bad_argument,
                "a root was instantiated outside of any runtime: name one with RootOptions::runtime");
  const Program& program = blueprint->program();
  std::vector<Target> targets;
  for (const Import& import : program.imports) {
    CRANK_TRY(Target target, detail::bind_to_host(program, import, imports));
    targets.push_back(std::move(target));
  }
  auto domain = std::make_shared<detail::Domain>(blueprint->engine());
  auto* state = new RootState(std::move(blueprint), std::move(options), *runtime, std::move(domain));
  state->targets = std::move(targets);
  auto root = std::make_shared<Root>(*state);
  state->handle = root;
  CRANK_TRY_VOID(detail::instantiate_root(*state, nullptr));
  return root;
}

Root::~Root() {
  state_.destroy();
  state_.release();
}

void Root::destroy() { state_.destroy(); }
Root::State Root::state() const noexcept { return state_.state(); }
std::optional<Error> Root::failure() const { return state_.failure(); }
const Blueprint& Root::blueprint() const noexcept { return *state_.blueprint; }
const std::string& Root::name() const noexcept { return state_.options.name; }
std::uint32_t Root::calls_in_flight() const noexcept { return state_.host_calls.load(std::memory_order_relaxed); }
std::uint32_t Root::tasks_alive() const noexcept { return state_.live_tasks.load(std::memory_order_relaxed); }

Task<> Root::drained() {
  auto self = shared_from_this();
  for (;;) {
    if (state_.dead() || tasks_alive() == 0) co_return;
    co_await with_continuation<void>([&](Continuation<void> done) {
      auto shared = std::make_shared<Continuation<void>>(std::move(done));
      {
        crank::detail::LockGuard guard(state_.drain_lock);
        state_.drain_waiters.push_back([shared] { shared->resume(); });
        state_.drain_awaited.store(true, std::memory_order_seq_cst);
      }
      // What ended before we stood in the list tells nobody.
      if (state_.dead() || state_.live_tasks.load(std::memory_order_seq_cst) == 0) state_.notify_drained();
    });
  }
}

namespace {
struct ReportJob : Job {
  detail::Group* group;
  std::string text;
  Continuation<void>* done;
};
}  // namespace

Task<std::string> Root::report() {
  auto self = shared_from_this();
  std::string out;
  for (const auto& group : state_.groups) {
    ReportJob job;
    job.group = group.get();
    co_await with_continuation<void>([&](Continuation<void> done) {
      auto kept = std::make_unique<Continuation<void>>(std::move(done));
      job.done = kept.release();
      job.run = [](Job* j) noexcept {
        auto& self = *static_cast<ReportJob*>(j);
        self.text = detail::report_of(*self.group);
        detail::Group& on = *self.group;
        std::unique_ptr<Continuation<void>> resume(self.done);
        resume->resume();  // `self` may be gone
        on.end_turn();
      };
      group->post(job);
    });
    out += job.text;
  }
  co_return out;
}

Task<Result<Value>> Root::call(Function function, std::vector<Value> arguments, CallOptions options) {
  auto self = shared_from_this();
  if (state_.dead()) co_return fail(state_.dead_error());
  if (function.program_ != &state_.program())
    co_return fail(Code::bad_argument, "a function of another component was called on this root");
  const FuncType& type = *function.type_;
  if (arguments.size() != type.params.size())
    co_return fail(Code::bad_argument, concat("calling ", *function.name_, " with ", arguments.size(),
                                              " arguments: it takes ", type.params.size()));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (auto fits = check_value(arguments[i], type.params[i].type); !fits)
      co_return fail(std::move(fits).error().wrap(
          Code::bad_argument, concat("calling ", *function.name_, ": argument ", type.params[i].name, " is no ",
                                     to_string(type.params[i].type, state_.program()))));
  }
  detail::LiftState* lift = nullptr;
  if (function.source_.kind == FuncSource::lifted) {
    lift = &state_.lifts[function.source_.index];
  } else {
    // An import that is exported again.
    Target& target = state_.targets[function.source_.index];
    HostCall call(self, "", *target.import, state_.options.data);
    if (target.kind == Target::host_plain) co_return target.plain(call, arguments);
    if (target.kind == Target::host_async) co_return co_await target.async(std::move(call), std::move(arguments));
    auto found = target.slot->callee(target.edge_lift, nullptr);
    if (!found) co_return fail(std::move(found).error());
    lift = *found;
  }
  const bool elsewhere = lift->instance->root != &state_;
  detail::HostCaller caller(*lift, elsewhere, std::move(arguments), options);
  if (elsewhere) lift->instance->root->release();
  co_return co_await caller.run();
}

}  // namespace crank::component
