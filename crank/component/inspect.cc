#include "crank/component/inspect.h"

#include <algorithm>
#include <map>

#include "crank/component/analyze.h"
#include "crank/component/match.h"
#include "crank/component/print.h"

namespace crank::component {
namespace {

using Interface = Inspection::Interface;

void collect_names(const std::vector<Export>& items, detail::TypeNames& names) {
  for (auto& [name, item] : items) {
    auto nominal = [](TypeKind k) {
      return k == TypeKind::record || k == TypeKind::variant || k == TypeKind::enum_ || k == TypeKind::flags;
    };
    if (item.kind == ExportItem::type && item.value_type && nominal(item.value_type->kind))
      names.emplace(item.value_type, name);
    collect_names(item.exports, names);
  }
}

void add_members(const Program& program, const detail::TypeNames& names, const std::string& prefix,
                 const std::vector<Export>& items, Interface& out) {
  for (auto& [name, item] : items) {
    if (item.kind == ExportItem::instance) {
      add_members(program, names, concat(prefix, name, "#"), item.exports, out);
      continue;
    }
    Inspection::Member& member = out.members.emplace_back();
    member.name = prefix + name;
    member.kind = item.kind;
    if (item.function_type) {
      member.type = detail::print(*item.function_type, program, names);
    } else if (item.value_type) {
      member.type = detail::print(item.value_type, program, names, true);
    } else if (item.kind == ExportItem::resource && program.resources[index(item.resource_id)].name != name) {
      member.kind = ExportItem::type;  // a second name of a resource
      member.type = program.resources[index(item.resource_id)].name;
    }
  }
}

std::vector<Interface> interfaces(const Program& program, const std::vector<Export>& items) {
  detail::TypeNames names;
  collect_names(program.import_items, names);
  collect_names(program.exports, names);
  std::vector<Interface> out;
  Interface top;
  for (auto& item : items) {
    if (item.item.kind == ExportItem::instance) {
      Interface& made = out.emplace_back();
      made.name = item.name;
      add_members(program, names, "", item.item.exports, made);
    } else {
      add_members(program, names, "", {item}, top);
    }
  }
  if (!top.members.empty()) out.insert(out.begin(), std::move(top));
  return out;
}

void find_fillers(const Program& program, const Export& wanted, std::span<const Provider> providers, Interface& out) {
  std::vector<std::string> compatible;
  for (std::size_t i = 0; i < providers.size(); ++i) {
    auto& exports = providers[i].program->exports;
    std::vector<std::string_view> names;
    for (auto& e : exports) names.push_back(e.name);
    auto found = find_compatible(wanted.name, names);
    if (!found) continue;
    if (auto fits = Matcher(program, *providers[i].program).satisfies(wanted, exports[*found].item)) {
      (names[*found] == wanted.name ? out.filled_by : compatible).push_back(providers[i].name);
    } else if (out.why_not.empty()) {
      out.why_not = concat(providers[i].name, ": ", fits.error().message());
    }
  }
  out.filled_by.insert(out.filled_by.end(), compatible.begin(), compatible.end());
  if (!out.filled_by.empty()) out.why_not.clear();
}

std::vector<Inspection::Group> groups(const Program& program) {
  std::vector<Inspection::Group> out(program.groups.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].may_block = program.groups[i].may_block;
    for (auto id : program.groups[i].instances) {
      auto& name = program.instances[index(id)].name;
      out[i].instances.push_back(name.empty() ? concat("#", index(id)) : name);
    }
  }
  auto group_of = [&](InstanceId id) -> Inspection::Group& { return out[index(*program.instances[index(id)].group)]; };
  for (auto& step : program.steps) {
    if (auto* instantiate = std::get_if<InstantiateModule>(&step)) ++group_of(instantiate->instance).modules;
  }
  for (auto& lift : program.lifts) {
    auto& group = group_of(lift.instance);
    ++group.lifts;
    auto& options = program.options[index(lift.options)];
    if (options.async_ && !options.callback) group.waits_in.push_back("stackful lift");
  }
  auto reached = detail::reachable_trampolines(program);
  for (std::size_t i = 0; i < program.trampolines.size(); ++i) {
    auto& trampoline = program.trampolines[i];
    auto& group = group_of(trampoline.instance);
    group.lowers += trampoline.op == Builtin::lower;
    if (reached[i] && detail::waits(program, trampoline)) group.waits_in.emplace_back(name_of(trampoline.op));
  }
  for (auto& group : out) {
    std::ranges::sort(group.waits_in);
    group.waits_in.erase(std::ranges::unique(group.waits_in).begin(), group.waits_in.end());
  }
  return out;
}

}  // namespace

Inspection inspect(const Program& program, std::span<const Provider> providers,
                   const std::function<bool(std::string_view, std::string_view)>& host) {
  Inspection out;
  out.name = program.name;
  out.imports = interfaces(program, program.import_items);
  out.exports = interfaces(program, program.exports);
  out.groups = groups(program);
  out.instances = program.instances.size();
  out.core_modules = program.modules.size();
  for (auto module : program.modules) out.core_module_bytes += module.size();
  out.not_instantiable = program.not_instantiable;
  std::map<std::string_view, Interface*> by_name;
  for (auto& interface : out.imports) by_name.emplace(interface.name, &interface);
  for (auto& item : program.import_items) {
    if (item.item.kind == ExportItem::instance) find_fillers(program, item, providers, *by_name.at(item.name));
  }
  if (auto top = by_name.find(""); top != by_name.end()) {
    for (auto& provider : providers) {
      bool all = std::ranges::all_of(program.import_items, [&](auto& wanted) {
        if (wanted.item.kind == ExportItem::instance) return true;
        auto found = find_export(*provider.program, wanted.name);
        return found && Matcher(program, *provider.program).satisfies(wanted, *found).has_value();
      });
      if (all) top->second->filled_by.push_back(provider.name);
    }
  }
  for (auto& interface : out.imports) {
    auto has = [&](auto& member) {
      return (member.kind != ExportItem::function && member.kind != ExportItem::resource) ||
             host(interface.name, member.name);
    };
    if (host && std::ranges::all_of(interface.members, has)) {
      interface.filled_by.emplace_back("host");
      interface.why_not.clear();
    }
  }
  return out;
}

std::string to_string(const Inspection& inspection) {
  std::string out;
  auto line = [&](int indent, auto&&... parts) {
    out.append(static_cast<std::size_t>(indent) * 2, ' ').append(concat(parts...)).append("\n");
  };
  auto joined = [](const std::vector<std::string>& all) {
    std::string text;
    for (auto& one : all) text.append(text.empty() ? "" : ", ").append(one);
    return text;
  };
  auto section = [&](std::string_view title, const std::vector<Interface>& all, bool imports) {
    if (all.empty()) return;
    line(0, title);
    for (auto& interface : all) {
      std::string filled;
      if (imports && !interface.filled_by.empty()) filled = concat("  <- ", joined(interface.filled_by));
      if (imports && !interface.why_not.empty()) filled = concat("  (not ", interface.why_not, ")");
      line(1, interface.name.empty() ? "(top level)" : interface.name, filled);
      for (auto& member : interface.members) {
        switch (member.kind) {
          case ExportItem::function: line(2, member.name, ": ", member.type); break;
          case ExportItem::type: line(2, "type ", member.name, " = ", member.type); break;
          case ExportItem::resource: line(2, "resource ", member.name); break;
          case ExportItem::module: line(2, "core module ", member.name); break;
          case ExportItem::component: line(2, "component ", member.name); break;
          case ExportItem::instance: break;
        }
      }
    }
  };
  line(0, "component ", inspection.name.empty() ? "(no name)" : inspection.name, ": ", inspection.instances,
       " instances, ", inspection.core_modules, " core modules, ", inspection.core_module_bytes, " bytes of them");
  if (!inspection.not_instantiable.empty()) line(0, "cannot be instantiated: ", inspection.not_instantiable);
  section("imports", inspection.imports, true);
  section("exports", inspection.exports, false);
  if (!inspection.groups.empty()) line(0, "executor groups");
  for (std::size_t i = 0; i < inspection.groups.size(); ++i) {
    auto& group = inspection.groups[i];
    line(1, i, ": ", joined(group.instances), " (", group.modules, " core instances, ", group.lifts, " lifts, ",
         group.lowers, " lowers", group.may_block ? concat("; may block: ", joined(group.waits_in)) : std::string(),
         ")");
  }
  return out;
}

}  // namespace crank::component
