#include <algorithm>

#include "crank/component/inline.h"

namespace crank::component::detail {
using namespace syntax;

namespace {

std::optional<CoreSort> core_sort(Sort sort) {
  switch (sort) {
    case Sort::core_func: return CoreSort::func;
    case Sort::core_table: return CoreSort::table;
    case Sort::core_memory: return CoreSort::memory;
    case Sort::core_global: return CoreSort::global;
    case Sort::core_tag: return CoreSort::tag;
    default: return std::nullopt;
  }
}

std::vector<CoreEntry>& space(Scope& scope, CoreSort sort) {
  switch (sort) {
    case CoreSort::func: return scope.core_funcs;
    case CoreSort::table: return scope.core_tables;
    case CoreSort::memory: return scope.core_memories;
    case CoreSort::global: return scope.core_globals;
    case CoreSort::tag: return scope.core_tags;
  }
  return scope.core_funcs;
}

}  // namespace

CoreDef Inliner::core_def(CoreSort sort, const CoreEntry& entry) {
  count_bytes(entry.name.size());
  return {sort, entry.is_trampoline, entry.index, std::string(entry.name)};
}

Result<std::pair<CoreSort, CoreEntry>> Inliner::core_at(SortIndex where, const Scope& scope) const {
  auto sort = core_sort(where.sort);
  if (!sort) return bad(concat("a ", name_of(where.sort), " cannot be exported from a core instance"));
  CRANK_TRY(auto entry, at(space(const_cast<Scope&>(scope), *sort), where.index, name_of(where.sort)));
  return std::pair(*sort, *entry);
}

Result<> Inliner::define_core_module(const CoreModule& module, Scope& scope) {
  auto [known, fresh] = reflected_.try_emplace(module.bytes.data(), nullptr);
  if (fresh) {
    auto& made = core_interfaces_.emplace_back(reflect(module.bytes));
    known->second = &made;
    std::vector<std::pair<std::string_view, std::string_view>> names;
    for (auto& import : made.imports) names.emplace_back(import.module, import.name);
    std::ranges::sort(names);
    if (auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
      return bad(concat("a core module has the duplicate import name `", twice->first, ":", twice->second, "`"));
    }
  }
  scope.core_modules.push_back({module.bytes, known->second});
  return {};
}

Result<> Inliner::define_core_types(const CoreTypes& types, Scope& scope) {
  for (auto& type : types.types) {
    CRANK_TRY_VOID(count_item());
    const CoreInterface* module = nullptr;
    if (type.is_module) {
      CRANK_TRY(module, evaluate_module_type(type, scope));
    }
    scope.core_types.push_back({&type, module});
  }
  return {};
}

// A module type starts with no types of its own: it defines them, or takes them from the scopes around it.
Result<const CoreInterface*> Inliner::evaluate_module_type(const CoreTypeDef& type, const Scope& scope) {
  CoreInterface& made = core_interfaces_.emplace_back();
  std::vector<const CoreFuncType*> space;
  std::unordered_set<std::string> import_names;
  auto resolve = [&](CoreExtern extern_) -> Result<CoreExtern> {
    if (extern_.sort == CoreSort::func || extern_.sort == CoreSort::tag) {
      CRANK_TRY(auto func, at(space, extern_.type_index, "core type"));
      extern_.func = *func;
    }
    return extern_;
  };
  for (auto& decl : type.body) {
    CRANK_TRY_VOID(count_item(decl.module.size() + decl.name.size() + decl.defined.size() * bytes_an_item));
    switch (decl.kind) {
      case ModuleDecl::types:
        for (auto& func : decl.defined) space.push_back(&func);
        break;
      case ModuleDecl::outer_alias: {
        if (decl.scopes == 0) {
          CRANK_TRY(auto func, at(space, decl.index, "core type"));
          space.push_back(*func);
          break;
        }
        const Scope* target = &scope;
        for (std::uint32_t n = 1; n < decl.scopes && target; ++n) target = target->outer;
        if (!target) return bad(concat("an outer alias counts ", decl.scopes, " scopes outwards; there are fewer"));
        CRANK_TRY(auto found, at(target->core_types, decl.index, "core type"));
        if (found->module) return bad("a module type aliases a module type");
        space.push_back(&found->def->func);
        break;
      }
      case ModuleDecl::import_: {
        CRANK_TRY(CoreExtern extern_, resolve(decl.type));
        if (!import_names.insert(std::string(decl.module).append(1, '\0').append(decl.name)).second) {
          return bad(concat("a module type has the duplicate import name `", decl.module, ":", decl.name, "`"));
        }
        made.imports.push_back({decl.module, decl.name, extern_});
        break;
      }
      case ModuleDecl::export_: {
        CRANK_TRY(CoreExtern extern_, resolve(decl.type));
        if (!made.exports.emplace(decl.name, extern_).second) {
          return bad(concat("the export name `", decl.name, "` of a module type is already defined"));
        }
        break;
      }
    }
  }
  return &made;
}

Result<> Inliner::check_core_arguments(const CoreInterface& module, const CoreInstanceDef& def, const Scope& scope) {
  std::unordered_map<std::string_view, const CoreInstanceItem*> arguments;
  for (auto& item : def.items) arguments.emplace(item.name.name, scope.core_instances[item.item.index]);
  for (auto& import : module.imports) {
    CRANK_TRY_VOID(count_item());
    auto argument = arguments.find(import.module);
    if (argument == arguments.end()) {
      return bad(concat("a core instance lacks the argument `", import.module, "`, from which its module imports `",
                        import.name, "`"));
    }
    const CoreInstanceItem& from = *argument->second;
    const CoreExtern* given = nullptr;
    bool there = true;
    if (from.instance) {
      if (!from.interface->known) continue;
      auto found = from.interface->exports.find(import.name);
      there = found != from.interface->exports.end();
      if (there) given = &found->second;
    } else {
      auto found = std::ranges::lower_bound(from.entries, import.name, {}, &CoreInstanceItem::Entry::name);
      there = found != from.entries.end() && found->name == import.name;
      if (there && found->sort != import.type.sort) {
        return bad(concat("the import `", import.module, "::", import.name, "` gets a definition of another sort"));
      }
      if (there) given = found->definition.type;
    }
    if (!there) {
      return bad(concat("the argument `", import.module, "` does not export an item named `", import.name,
                        "`, which the module imports"));
    }
    if (!given) continue;
    if (auto why = misfit(*given, import.type); !why.empty()) {
      return bad(concat("the import `", import.module, "::", import.name, "` does not fit: ", why));
    }
  }
  return {};
}

Result<> Inliner::define_core_instance(const CoreInstanceDef& def, Scope& scope) {
  CoreInstanceItem& made = core_instances_.emplace_back();
  if (!def.instantiate) {
    for (auto& item : def.items) {
      CRANK_TRY_VOID(count_item());
      CRANK_TRY(auto found, core_at(item.item, scope));
      made.entries.push_back({item.name.name, found.first, found.second});
    }
    std::ranges::sort(made.entries, {}, &CoreInstanceItem::Entry::name);
    auto twice = std::ranges::adjacent_find(made.entries, {}, &CoreInstanceItem::Entry::name);
    if (twice != made.entries.end()) return bad(concat("a core instance exports `", twice->name, "` twice"));
    scope.core_instances.push_back(&made);
    return {};
  }
  CRANK_TRY(auto module, at(scope.core_modules, def.of, "core module"));
  InstantiateModule step;
  step.instance = scope.instance;
  step.module = module_id(*module);
  for (auto& item : def.items) {
    CRANK_TRY_VOID(count_item(item.name.name.size()));
    CRANK_TRY(auto found, at(scope.core_instances, item.item.index, "core instance"));
    CoreArgument argument;
    argument.name = item.name.name;
    if ((*found)->instance) {
      argument.instance = *(*found)->instance;
    } else {
      for (auto& entry : (*found)->entries) {
        CRANK_TRY_VOID(count_item(entry.name.size()));
        argument.definitions.emplace_back(entry.name, core_def(entry.sort, entry.definition));
      }
    }
    step.arguments.push_back(std::move(argument));
  }
  std::vector<std::string_view> names;
  for (auto& argument : step.arguments) names.push_back(argument.name);
  std::ranges::sort(names);
  if (auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
    return bad(concat("a core instance gets the argument `", *twice, "` twice"));
  }
  if (module->interface->known) CRANK_TRY_VOID(check_core_arguments(*module->interface, def, scope));
  made.interface = module->interface;
  made.instance = CoreInstanceId{core_instance_count_++};
  out_->steps.emplace_back(std::move(step));
  scope.core_instances.push_back(&made);
  return {};
}

ModuleId Inliner::module_id(const ModuleItem& module) {
  if (module.bytes.empty() && !scratch_ && out_->not_instantiable.empty()) {
    out_->not_instantiable =
        "the component imports a core module and instantiates it; Crank does not supply core modules to imports";
  }
  auto [found, fresh] =
      modules_.try_emplace(module.bytes.data(), ModuleId{static_cast<std::uint32_t>(out_->modules.size())});
  if (fresh) out_->modules.push_back(module.bytes);
  return found->second;
}

Result<> Inliner::alias_core_export(const Alias& alias, Scope& scope) {
  auto sort = core_sort(alias.sort);
  if (!sort) return bad(concat("a ", name_of(alias.sort), " cannot be aliased out of a core instance"));
  CRANK_TRY(auto from, at(scope.core_instances, alias.number, "core instance"));
  const CoreInstanceItem& instance = **from;
  CoreEntry entry;
  if (instance.instance) {
    entry = {false, index(*instance.instance), alias.name};
    if (instance.interface->known) {
      auto found = instance.interface->exports.find(alias.name);
      if (found == instance.interface->exports.end()) {
        return bad(concat("core instance ", alias.number, " has no export named `", alias.name, "`"));
      }
      if (found->second.sort != *sort) {
        return bad(
            concat("the export `", alias.name, "` of core instance ", alias.number, " is not a ", name_of(alias.sort)));
      }
      entry.type = &found->second;
    }
  } else {
    auto found = std::ranges::lower_bound(instance.entries, alias.name, {}, &CoreInstanceItem::Entry::name);
    if (found == instance.entries.end() || found->name != alias.name) {
      return bad(concat("core instance ", alias.number, " has no export named `", alias.name, "`"));
    }
    if (found->sort != *sort) return bad(concat("the core export `", alias.name, "` is not a ", name_of(alias.sort)));
    entry = found->definition;
  }
  space(scope, *sort).push_back(entry);
  return {};
}

}  // namespace crank::component::detail
