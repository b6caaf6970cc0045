// Root::instantiate: a Program's steps, played in one executor group's store each (program.h).
#include <algorithm>
#include <thread>

#include "crank/async/turn.h"
#include "crank/component/canon.h"
#include "crank/component/instantiate.h"
#include "crank/component/root_state.h"
#include "crank/component/task.h"
#include "crank/engine/engine.h"

namespace crank::component::detail {

namespace {

engine::ValType value_type(CoreType type) {
  switch (type) {
    case CoreType::i32: return engine::ValType::i32;
    case CoreType::i64: return engine::ValType::i64;
    case CoreType::f32: return engine::ValType::f32;
    case CoreType::f64: return engine::ValType::f64;
  }
  return engine::ValType::other;
}

class Instantiation {
 public:
  Instantiation(RootState& root, const Activation* chain) : root_(root), program_(root.program()), chain_(chain) {}

  Result<> run() {
    CRANK_TRY_VOID(make_groups());
    make_tables();
    for (const auto& group : root_.groups) {
      holds_.push_back(std::make_unique<Hold>(chain_, *group));
      while (!*holds_.back()) holds_.back()->wait();
    }
    Result<> done = play();
    if (!done) root_.die(done.error());
    while (!holds_.empty()) holds_.pop_back();
    return done;
  }

 private:
  static void overstayed(void* user, engine::Store&) noexcept {
    Group& group = *static_cast<Group*>(user);
    // Whoever called waits, too: all of them are held up.
    for (Activation* a = group.top; a; a = a->outer) a->group.mark_overstaying();
    if (!group.top || !group.top->task || !group.top->task->lift) return;
    LiftStatistics& statistics = *group.top->task->lift->statistics;
    statistics.overstayed.fetch_add(1, std::memory_order_relaxed);
    statistics.is_long.store(true, std::memory_order_relaxed);
    statistics.calls.store(0, std::memory_order_relaxed);
  }

  // The guest cannot be preempted, but its worker can: others run on top of its stack, then it goes on.
  static bool may_go_on(void* user, engine::Store&, bool own_stack) noexcept {
    const Group& group = *static_cast<Group*>(user);
    if (own_stack && !group.root.dead()) crank::detail::lend_thread(std::chrono::milliseconds(slice_ticks));
    return !group.root.dead();
  }

  Result<> make_groups() {
    root_.instances.resize(program_.instances.size());
    for (std::uint32_t i = 0; i < program_.instances.size(); ++i) {
      root_.instances[i] = std::make_unique<InstanceState>(root_.options.limits.handles);
      InstanceState& instance = *root_.instances[i];
      instance.root = &root_;
      instance.spec = &program_.instances[i];
      instance.id = InstanceId{i};
      if (instance.spec->parent) instance.parent = root_.instances[index(*instance.spec->parent)].get();
    }
    for (std::uint32_t g = 0; g < program_.groups.size(); ++g) {
      std::shared_ptr<DefaultActor> actor = g < root_.shared_actors.size() ? root_.shared_actors[g] : nullptr;
      if (!actor) actor = make_actor(root_.runtime);
      root_.groups.push_back(std::make_unique<Group>(root_, std::move(actor)));
      Group& group = *root_.groups.back();
      group.may_block = program_.groups[g].may_block;
      group.pump.group = &group;
      group.pump.run = Group::run_pump;
      engine::StoreOptions options;
      options.user = &group;
      options.slice = slice_ticks;
      options.hard_limit = root_.options.limits.turn_ticks;
      options.memory_bytes = static_cast<std::int64_t>(root_.options.limits.memory_bytes);
      options.overstayed = overstayed;
      options.may_go_on = may_go_on;
      CRANK_TRY(group.store, engine::Store::create(root_.blueprint->engine().shared_from_this(), options));
      for (InstanceId id : program_.groups[g].instances) {
        InstanceState& instance = *root_.instances[index(id)];
        instance.group = &group;
        group.instances.push_back(&instance);
      }
    }
    return {};
  }

  void make_tables() {
    root_.resolved_options.resize(program_.options.size());
    for (std::uint32_t i = 0; i < program_.options.size(); ++i) {
      ResolvedOptions& o = root_.resolved_options[i];
      o.spec = &program_.options[i];
      o.encoding = o.spec->encoding;
      o.async_ = o.spec->async_;
    }
    const bool makes_threads = std::ranges::any_of(program_.trampolines, [](const Trampoline& t) {
      return t.op >= Builtin::thread_index;  // those that follow are about threads, too
    });
    root_.lifts.resize(program_.lifts.size());
    for (std::uint32_t i = 0; i < program_.lifts.size(); ++i) {
      LiftState& lift = root_.lifts[i];
      lift.spec = &program_.lifts[i];
      lift.instance = root_.instances[index(lift.spec->instance)].get();
      lift.type = lift.spec->type;
      lift.options = &root_.resolved_options[index(lift.spec->options)];
      lift.statistics = &root_.blueprint->statistics(LiftId{i});
      lift.async_ = lift.options->async_;
      lift.callback = lift.options->spec->callback.has_value();
      lift.signature = signature_of_lift(*lift.type, lift.async_, lift.callback);
      lift.needs_exclusive = lift.type->async_ && (!lift.async_ || lift.callback);
      lift.scalar_params = scalar_params(*lift.type, max_flat_params);
      lift.scalar_result = scalar_result(*lift.type);
      lift.slots = std::max<std::uint8_t>({lift.signature.param_count, lift.signature.result_count, 1});
      lift.unseen_task = !lift.type->async_ && !lift.async_ && lift.scalar_params && lift.scalar_result &&
                         !lift.options->spec->post_return && !makes_threads;
    }
    root_.lift_targets.resize(program_.lifts.size());
    for (std::uint32_t i = 0; i < program_.lifts.size(); ++i) {
      root_.lift_targets[i].kind = Target::lifted;
      root_.lift_targets[i].lift = &root_.lifts[i];
    }
    root_.resources.resize(program_.resources.size());
    for (std::uint32_t i = 0; i < program_.resources.size(); ++i) {
      ResourceState& r = root_.resources[i];
      r.spec = &program_.resources[i];
      if (r.spec->instance) r.implementor = root_.instances[index(*r.spec->instance)].get();
    }
    root_.trampolines.resize(program_.trampolines.size());
    root_.trampoline_functions.resize(program_.trampolines.size());
    for (std::uint32_t i = 0; i < program_.trampolines.size(); ++i) {
      LowerState& t = root_.trampolines[i];
      t.spec = &program_.trampolines[i];
      t.instance = root_.instances[index(t.spec->instance)].get();
      if (index(t.spec->options) < root_.resolved_options.size())
        t.options = &root_.resolved_options[index(t.spec->options)];
      t.async_ = t.spec->async_;
      if (t.spec->op != Builtin::lower) continue;
      t.type = t.spec->function;
      t.async_ = t.options->async_;
      t.target = t.spec->callee.kind == FuncSource::lifted ? &root_.lift_targets[t.spec->callee.index]
                                                           : &root_.targets[t.spec->callee.index];
      t.signature = signature_of_lower(*t.type, t.async_);
      t.scalar_params = scalar_params(*t.type, t.async_ ? max_flat_async_params : max_flat_params);
      t.scalar_result = scalar_result(*t.type);
      t.arguments = static_cast<std::uint8_t>(t.signature.param_count - (t.signature.result_in_memory ? 1 : 0));
    }
    root_.core_instances.resize(std::count_if(program_.steps.begin(), program_.steps.end(), [](const Step& s) {
      return std::holds_alternative<InstantiateModule>(s);
    }));
  }

  Result<> play() {
    for (const Step& step : program_.steps) {
      if (const auto* resource = std::get_if<DefineResource>(&step)) {
        CRANK_TRY_VOID(define(*resource));
      } else {
        CRANK_TRY_VOID(instantiate(std::get<InstantiateModule>(step)));
        CRANK_TRY_VOID(resolve());
      }
    }
    return resolve();
  }

  Result<> define(const DefineResource& step) {
    ResourceState& r = root_.resources[index(step.resource)];
    r.defined = true;
    if (!r.spec->destructor) return {};
    CRANK_TRY(engine::Extern found, find(*r.spec->destructor, *r.implementor->group));
    r.destructor = found.func;
    return {};
  }

  Result<> instantiate(const InstantiateModule& step) {
    InstanceState& instance = *root_.instances[index(step.instance)];
    if (!instance.group)
      return fail(Code::bad_state,
                  concat("component instance ", instance.name(), " has core code but no executor group"));
    Group& group = *instance.group;
    const engine::Module& module = root_.blueprint->module(step.module);
    std::vector<engine::Extern> imports;
    for (const engine::ImportType& wanted : module.imports()) {
      CRANK_TRY(engine::Extern found, argument(step, wanted, group));
      imports.push_back(found);
    }
    RootState::CoreInstance& made = root_.core_instances[next_++];
    Call start;  // the start function's implicit task
    Activation running(group, instance, nullptr, &start, const_cast<Activation*>(chain_));
    auto created = group.store->instantiate(module, imports);
    if (!created)
      return fail(std::move(created).error().wrap(
          Code::trap, concat("instantiating component instance ", instance.name(), " failed")));
    made.instance = *created;
    made.group = &group;
    return {};
  }

  Result<engine::Extern> argument(const InstantiateModule& step, const engine::ImportType& wanted, Group& group) {
    for (const CoreArgument& argument : step.arguments) {
      if (argument.name != wanted.module) continue;
      if (argument.instance) {
        const RootState::CoreInstance& from = root_.core_instances[index(*argument.instance)];
        if (auto found = group.store->get(from.instance, wanted.name)) return *found;
        continue;
      }
      for (const auto& [name, definition] : argument.definitions)
        if (name == wanted.name) return find(definition, group);
    }
    return fail(Code::missing_import, concat("a core module imports ", wanted.module, " ", wanted.name,
                                             ", which its component does not give it"));
  }

  Result<engine::Extern> find(const CoreDef& definition, Group& group) {
    if (!definition.is_trampoline) {
      const RootState::CoreInstance& from = root_.core_instances[definition.index];
      if (!from.group) return fail(Code::bad_state, "a core definition is used before its instance exists");
      if (auto found = from.group->store->get(from.instance, definition.name)) return *found;
      return fail(Code::missing_export, concat("a core instance does not export ", definition.name));
    }
    engine::Func& function = root_.trampoline_functions[definition.index];
    if (!function) {
      LowerState& trampoline = root_.trampolines[definition.index];
      CRANK_TRY(function, make_trampoline(*group.store, trampoline));
    }
    return engine::Extern(function);
  }

  bool exists(const std::optional<CoreDef>& definition) const {
    return !definition || definition->is_trampoline || root_.core_instances[definition->index].group != nullptr;
  }

  // Binds what this step has made possible, so that the start functions of later ones may already use it.
  Result<> resolve() {
    for (ResolvedOptions& o : root_.resolved_options) {
      if (o.resolved) continue;
      const Options& spec = *o.spec;
      if (!exists(spec.memory) || !exists(spec.realloc) || !exists(spec.post_return) || !exists(spec.callback))
        continue;
      o.resolved = true;
      if (spec.memory) {
        Group& group = *root_.core_instances[spec.memory->index].group;
        CRANK_TRY(engine::Extern found, find(*spec.memory, group));
        o.memory = found.memory;
        o.base = reinterpret_cast<std::byte*>(group.store->memory_base(o.memory));
      }
      CRANK_TRY_VOID(bind(spec.realloc, o.realloc));
      CRANK_TRY_VOID(bind(spec.post_return, o.post_return));
      CRANK_TRY_VOID(bind(spec.callback, o.callback));
    }
    for (LiftState& lift : root_.lifts) {
      if (lift.resolved || !lift.options->resolved || !exists(lift.spec->core)) continue;
      CRANK_TRY(engine::Extern found, find(lift.spec->core, *lift.instance->group));
      lift.core = found.func;
      lift.resolved = true;
    }
    return {};
  }

  Result<> bind(const std::optional<CoreDef>& definition, engine::Func& function) {
    if (!definition) return {};
    Group& group = definition->is_trampoline ? *root_.trampolines[definition->index].instance->group
                                             : *root_.core_instances[definition->index].group;
    CRANK_TRY(engine::Extern found, find(*definition, group));
    function = found.func;
    return {};
  }

  static constexpr std::uint32_t slice_ticks = 2;
  RootState& root_;
  const Program& program_;
  const Activation* chain_;
  std::vector<std::unique_ptr<Hold>> holds_;
  std::size_t next_ = 0;
};

}  // namespace

Result<engine::Func> make_trampoline(engine::Store& store, LowerState& env) {
  engine::FuncType type;
  for (CoreType t : env.spec->params) type.params.push_back(value_type(t));
  for (CoreType t : env.spec->results) type.results.push_back(value_type(t));
  for (auto family :
       {canon_call, canon_task, canon_waitable, canon_stream, canon_resource, canon_error_context, canon_thread}) {
    CanonFunction f = family(env);
    if (f.plain) return store.host_function(type, f.plain, &env);
    if (f.blocking) return store.blocking_function(type, f.blocking, &env);
  }
  return fail(Code::unsupported, concat("component instance ", env.instance->name(), " uses ", name_of(env.spec->op),
                                        ", which this version does not provide; build it without cooperative threads"));
}

Result<> instantiate_root(RootState& root, const Activation* chain) { return Instantiation(root, chain).run(); }

}  // namespace crank::component::detail
