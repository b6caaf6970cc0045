#include <algorithm>

#include "crank/component/inline.h"

namespace crank::component::detail {
using namespace syntax;

namespace {

constexpr Visible named_by_import{true, true};
constexpr Visible named_by_export{false, true};

// What a name does to the thing it is given to: a type may be mentioned from then on, and types aliased out of an
// instance have that instance's name.
Item named(Item item, Visible by) {
  if (auto* type = std::get_if<TypeItem>(&item)) type->visible = by;
  if (auto* instance = std::get_if<InstanceRef>(&item)) instance->visible = by;
  return item;
}

Sort sort_of(const Item& item) {
  constexpr Sort sorts[] = {Sort::func, Sort::type, Sort::instance, Sort::component, Sort::core_module};
  return sorts[item.index()];
}

}  // namespace

void Inliner::push(const Item& item, Scope& scope) {
  struct Visitor {
    Scope& scope;
    void operator()(const FuncItem& f) { scope.funcs.push_back(f); }
    void operator()(const TypeItem& t) { scope.types.push_back(t); }
    void operator()(const InstanceRef& i) { scope.instances.push_back(i); }
    void operator()(const ComponentItem& c) { scope.components.push_back(c); }
    void operator()(const ModuleItem& m) { scope.core_modules.push_back(m); }
  };
  std::visit(Visitor{scope}, item);
}

Result<> Inliner::define_import(const ImportDecl& decl, Scope& scope, const InstanceItem* arguments) {
  Item item;
  if (!arguments) {
    CRANK_TRY(item, make(decl.type, scope, decl.name.name, named_by_import));
  } else {
    const Item* argument = arguments->find(decl.name.name);
    if (!argument) return bad(concat("the import `", decl.name.name, "` gets no argument"));
    CRANK_TRY(item, match(*argument, decl.type, scope, decl.name.name, named_by_import));
  }
  CRANK_TRY_VOID(check_visible(item, true, decl.name.name));
  CRANK_TRY_VOID(check_name(decl.name, scope.import_names, item));
  scope.imports->add(decl.name.name, item);
  push(item, scope);
  return {};
}

Result<> Inliner::define_export(const ExportDecl& decl, Scope& scope, const InstanceItem* actual) {
  Visible by = scope.kind == Scope::instance_type ? named_by_import : named_by_export;
  Item item;
  if (!actual) {
    CRANK_TRY(item, make(decl.type, scope, decl.name.name, by));
  } else {
    const Item* found = actual->find(decl.name.name);
    if (!found) return bad(concat("the export `", decl.name.name, "` is expected, but the instance does not have it"));
    CRANK_TRY(item, match(*found, decl.type, scope, decl.name.name, by));
  }
  if (scope.kind == Scope::instance_type) {
    if (auto* func = std::get_if<FuncItem>(&item)) scope.visible = scope.visible & func->visible;
    if (auto* type = std::get_if<TypeItem>(&item)) scope.visible = scope.visible & type->parts;
  } else {
    CRANK_TRY_VOID(check_visible(item, false, decl.name.name));
  }
  CRANK_TRY_VOID(check_name(decl.name, scope.export_names, item));
  scope.exports->add(decl.name.name, item);
  push(item, scope);
  return {};
}

Result<> Inliner::define_export(const ExportDef& def, Scope& scope) {
  CRANK_TRY(Item item, item_at(def.item, scope));
  if (def.ascribed) {
    CRANK_TRY(item, match(item, def.type, scope, def.name.name, named_by_export));
  } else {
    item = named(std::move(item), named_by_export);
  }
  CRANK_TRY_VOID(check_visible(item, false, def.name.name));
  CRANK_TRY_VOID(check_name(def.name, scope.export_names, item));
  if (auto* func = std::get_if<FuncItem>(&item); func && func->source.kind == FuncSource::lifted) {
    auto& lift = out_->lifts[func->source.index];
    if (lift.name.empty()) lift.name = def.name.name;
  }
  if (auto* type = std::get_if<TypeItem>(&item); type && type->kind == TypeItem::resource) {
    auto& made = resource(type->resource_id);
    if (made.name.empty()) made.name = def.name.name;
  }
  scope.exports->add(def.name.name, item);
  push(item, scope);
  return {};
}

Result<> Inliner::check_visible(const Item& item, bool import, std::string_view name) {
  auto refuse = [&](Visible v) { return import ? !v.import : !v.export_; };
  auto* func = std::get_if<FuncItem>(&item);
  auto* type = std::get_if<TypeItem>(&item);
  auto* instance = std::get_if<InstanceRef>(&item);
  bool unnamed_inside = instance && instance->instance->bag && !instance->instance->has_types &&
                        refuse(instance->instance->functions_visible);
  if ((func && refuse(func->visible)) || (type && refuse(type->parts)) || unnamed_inside) {
    return bad(concat("the ", kind_of(item), " `", name, "` is not valid to be used as ", import ? "import" : "export",
                      ": it mentions a type that has no name of its own among the imports",
                      import ? "" : " and exports", " before it"));
  }
  return {};
}

Result<Item> Inliner::make(const ExternType& type, Scope& scope, std::string_view name, Visible by) {
  switch (type.sort) {
    case Sort::core_module: {
      CRANK_TRY(auto found, at(scope.core_types, type.number, "core type"));
      if (!found->module) return bad(concat("core type ", type.number, " is not a module type"));
      return ModuleItem{{}, found->module};
    }
    case Sort::func: {
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      if (found->kind != TypeItem::function) return bad(concat("type ", type.number, " is not a function type"));
      FuncSource source{FuncSource::imported, static_cast<std::uint32_t>(out_->imports.size())};
      CRANK_TRY_VOID(count_item(path_size() + name.size()));
      out_->imports.push_back({interface_path(), std::string(name), found->function_type});
      return FuncItem{found->function_type, source, found->visible};
    }
    case Sort::type: {
      if (type.fresh_resource) {
        TypeItem out{.kind = TypeItem::resource, .visible = by};
        CRANK_TRY_VOID(count_item(path_size() + 2 * name.size()));
        Resource made;
        made.name = name;
        made.import_interface = interface_path();
        made.import_name = name;
        out.resource_id = new_resource(std::move(made));
        return out;
      }
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      return named(Item(*found), by);
    }
    case Sort::instance: {
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      if (found->kind != TypeItem::instance) return bad(concat("type ", type.number, " is not an instance type"));
      if (by.import && scope.kind != Scope::instance_type && !found->visible.import) {
        return bad(concat("the instance `", name,
                          "` is not valid to be used as import: its type mentions types without a name"));
      }
      path_.push_back(name);
      auto played = play(*found->closure, nullptr, nullptr);
      path_.pop_back();
      if (!played) return std::unexpected(std::move(played).error());
      return InstanceRef{played->exports, by};
    }
    case Sort::component: {
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      if (found->kind != TypeItem::component) return bad(concat("type ", type.number, " is not a component type"));
      return ComponentItem{nullptr, nullptr, found->closure, name};
    }
    default: return bad(concat("a ", name_of(type.sort), " cannot be imported or exported"));
  }
}

Result<Item> Inliner::match(const Item& actual, const ExternType& type, Scope& scope, std::string_view name,
                            Visible by) {
  if (sort_of(actual) != type.sort) {
    return bad(concat("`", name, "` should be a ", name_of(type.sort), ", but it is a ", kind_of(actual)));
  }
  switch (type.sort) {
    case Sort::core_module: {
      CRANK_TRY(auto found, at(scope.core_types, type.number, "core type"));
      if (!found->module) return bad(concat("core type ", type.number, " is not a module type"));
      if (auto why = misfit(*std::get<ModuleItem>(actual).interface, *found->module); !why.empty()) {
        return bad(concat("the core module `", name, "` does not fit: ", why));
      }
      return actual;
    }
    case Sort::func: {
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      if (found->kind != TypeItem::function) return bad(concat("type ", type.number, " is not a function type"));
      FuncItem func = std::get<FuncItem>(actual);
      if (func.type != found->function_type) {
        return bad(concat("the types of `", name, "` do not match: expected ", to_string(*found->function_type, *out_),
                          ", found ", to_string(*func.type, *out_)));
      }
      func.visible = found->visible;
      return func;
    }
    case Sort::type: {
      const auto& given = std::get<TypeItem>(actual);
      if (type.fresh_resource) {
        if (given.kind != TypeItem::resource) return bad(concat("the type `", name, "` should be a resource"));
        return named(actual, by);
      }
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      CRANK_TRY_VOID(match_type(given, *found, name));
      return named(Item(*found), by);
    }
    case Sort::instance: {
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      if (found->kind != TypeItem::instance) return bad(concat("type ", type.number, " is not an instance type"));
      CRANK_TRY(Played played, play(*found->closure, nullptr, std::get<InstanceRef>(actual).instance));
      const_cast<InstanceItem*>(played.exports)->component = std::get<InstanceRef>(actual).instance->component;
      return InstanceRef{played.exports, by};
    }
    case Sort::component: {
      CRANK_TRY(auto found, at(scope.types, type.number, "type"));
      if (found->kind != TypeItem::component) return bad(concat("type ", type.number, " is not a component type"));
      CRANK_TRY_VOID(match_component(std::get<ComponentItem>(actual), *found->closure));
      return actual;
    }
    default: return bad(concat("a ", name_of(type.sort), " cannot be imported or exported"));
  }
}

Result<> Inliner::match_type(const TypeItem& given, const TypeItem& wanted, std::string_view name) {
  auto mismatch = [&](std::string_view expected, std::string_view found) {
    return bad(concat("the types of `", name, "` do not match: expected ", expected, ", found ", found));
  };
  constexpr std::string_view kinds[] = {"a value type", "a function type", "a resource", "an instance type",
                                        "a component type"};
  if (given.kind != wanted.kind) return mismatch(kinds[wanted.kind], kinds[given.kind]);
  switch (wanted.kind) {
    case TypeItem::value:
      if (given.type != wanted.type) return mismatch(to_string(wanted.type, *out_), to_string(given.type, *out_));
      return {};
    case TypeItem::function:
      if (given.function_type != wanted.function_type) {
        return mismatch(to_string(*wanted.function_type, *out_), to_string(*given.function_type, *out_));
      }
      return {};
    case TypeItem::resource:
      if (given.resource_id != wanted.resource_id) return mismatch("one resource", "another");
      return {};
    case TypeItem::component: {
      if (given.closure->def == wanted.closure->def) return {};
      CRANK_TRY_VOID(match_component({nullptr, nullptr, given.closure, name}, *wanted.closure));
      return match_component({nullptr, nullptr, wanted.closure, name}, *given.closure);
    }
    case TypeItem::instance: {
      if (given.closure->def == wanted.closure->def) return {};
      Scratch scratch(*this);
      CRANK_TRY(Played a, play(*given.closure, nullptr, nullptr));
      CRANK_TRY_VOID(play(*wanted.closure, nullptr, a.exports));
      CRANK_TRY(Played b, play(*wanted.closure, nullptr, nullptr));
      CRANK_TRY_VOID(play(*given.closure, nullptr, b.exports));
      return {};
    }
  }
  return {};
}

// A component may stand where another type is wanted if, given what the wanted type imports, it exports what the wanted
// type exports.
Result<> Inliner::match_component(const ComponentItem& actual, const TypeClosure& wanted) {
  if (actual.type && actual.type->def == wanted.def && actual.type->outer == wanted.outer) return {};
  Scratch scratch(*this);
  CRANK_TRY(Played made, play(wanted, nullptr, nullptr));
  CRANK_TRY(auto exports, instantiate(actual, made.imports, "", std::nullopt));
  CRANK_TRY_VOID(play(wanted, made.imports, exports));
  return {};
}

Result<> Inliner::check_name(const ExternName& name, NameScope& names, const Item& item) {
  CRANK_TRY_VOID(count_item(name.name.size()));
  std::string why;
  auto parts = parse_extern_name(name.name, &why);
  if (!parts) return bad(why);
  if (name.has_implements) {
    auto interface = parse_extern_name(name.implements, &why);
    if (!interface || interface->kind != ExternNameParts::interface) {
      return bad(concat("the attribute implements of `", name.name, "` must be an interface name, not `",
                        name.implements, "`"));
    }
    if (!std::holds_alternative<InstanceRef>(item))
      return bad(
          concat("`", name.name, "` is a ", kind_of(item), "; only instances can have the attribute implements"));
    if (parts->kind != ExternNameParts::label)
      return bad(concat("the name `", name.name, "` is not valid with the attribute implements"));
  }
  if (name.has_version_suffix) {
    if (parts->version.empty() || !parse_version(concat(parts->version, name.version_suffix))) {
      return bad(concat("the version of `", name.name, "` and the suffix `", name.version_suffix,
                        "` make no semantic version"));
    }
  }
  if (!names.keys.insert(uniqueness_key(name.name)).second) {
    return bad(concat("the name `", name.name, "` conflicts with an earlier name"));
  }
  if (parts->kind == ExternNameParts::label) {
    auto* type = std::get_if<TypeItem>(&item);
    if (type && type->kind == TypeItem::resource) names.resources.emplace(name.name, type->resource_id);
  }
  return check_annotation(*parts, names, item, name.name);
}

Result<> Inliner::check_annotation(const ExternNameParts& parts, const NameScope& names, const Item& item,
                                   std::string_view name) {
  if (parts.kind == ExternNameParts::label || parts.kind == ExternNameParts::interface) return {};
  auto* func = std::get_if<FuncItem>(&item);
  if (!func) return bad(concat("`", name, "` is not a func"));
  auto resource = names.resources.find(parts.resource);
  if (resource == names.resources.end()) {
    return bad(concat("`", name, "` names no resource that is imported or exported before it in this scope"));
  }
  if (parts.kind == ExternNameParts::constructor) {
    TypeRef result = func->type->result;
    if (result && result->kind == TypeKind::result) result = result->fields[0].type;
    if (!result || result != arena_.own(resource->second)) {
      return bad(concat("the function `", name, "` should return own<", parts.resource, "> or a result of it"));
    }
  } else if (parts.kind == ExternNameParts::method) {
    auto& params = func->type->params;
    if (params.empty() || params[0].name != "self" || params[0].type != arena_.borrow(resource->second)) {
      return bad(concat("the function `", name, "` should have a first parameter self: borrow<", parts.resource, ">"));
    }
  }
  return {};
}

}  // namespace crank::component::detail
