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

CoreDef Inliner::core_def(CoreSort sort, const CoreEntry& entry) const {
  return {sort, entry.is_trampoline, entry.index, std::string(entry.name)};
}

Result<std::pair<CoreSort, CoreEntry>> Inliner::core_at(SortIndex where, const Scope& scope) const {
  auto sort = core_sort(where.sort);
  if (!sort) return bad(concat("a ", name_of(where.sort), " cannot be exported from a core instance"));
  CRANK_TRY(auto entry, at(space(const_cast<Scope&>(scope), *sort), where.index, name_of(where.sort)));
  return std::pair(*sort, *entry);
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
    CRANK_TRY_VOID(count_item());
    CRANK_TRY(auto found, at(scope.core_instances, item.item.index, "core instance"));
    CoreArgument argument;
    argument.name = item.name.name;
    if ((*found)->instance) {
      argument.instance = *(*found)->instance;
    } else {
      for (auto& entry : (*found)->entries) {
        CRANK_TRY_VOID(count_item());
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
