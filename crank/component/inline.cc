#include "crank/component/inline.h"

#include <algorithm>

#include "crank/component/reader.h"

namespace crank::component::detail {
using namespace syntax;

namespace {

constexpr std::uint32_t scratch_bit = 0x8000'0000;
constexpr std::uint32_t weight_of_a_play = 8;  // a scope costs as much memory as several definitions

struct Restore {
  std::uint32_t& value;
  std::uint32_t before = value;
  ~Restore() { value = before; }
};

std::string_view instance_name(const Component* code, std::size_t index) {
  if (!code) return {};
  SortIndex wanted{Sort::instance, static_cast<std::uint32_t>(index)};
  auto key = [](auto& n) { return std::pair(n.first.sort, n.first.index); };
  auto found = std::ranges::lower_bound(code->names, std::pair(wanted.sort, wanted.index), {}, key);
  return found != code->names.end() && key(*found) == std::pair(wanted.sort, wanted.index) ? found->second
                                                                                           : std::string_view{};
}

}  // namespace

const Item* InstanceItem::find(std::string_view name) const {
  if (!index_.empty()) {
    auto found = index_.find(name);
    return found == index_.end() ? nullptr : &items_[found->second].item;
  }
  for (auto& item : items_) {
    if (item.name == name) return &item.item;
  }
  return nullptr;
}

bool InstanceItem::add(std::string_view name, Item item) {
  constexpr std::size_t few = 12;
  if (find(name)) return false;
  if (auto* func = std::get_if<FuncItem>(&item)) functions_visible = functions_visible & func->visible;
  has_types |= std::holds_alternative<TypeItem>(item);
  items_.push_back({name, std::move(item)});
  if (items_.size() == few) {
    for (std::uint32_t i = 0; i < items_.size(); ++i) index_.emplace(items_[i].name, i);
  } else if (items_.size() > few) {
    index_.emplace(name, static_cast<std::uint32_t>(items_.size() - 1));
  }
  return true;
}

std::string_view kind_of(const Item& item) noexcept {
  constexpr std::string_view names[] = {"func", "type", "instance", "component", "core module"};
  return names[item.index()];
}

std::unexpected<Error> Inliner::bad(std::string_view sentence, Code code) const {
  return std::unexpected(decode_error(offset_, sentence, code));
}

Result<> Inliner::count_item(std::size_t bytes) {
  count_bytes(bytes);
  if (++items_ <= limits_.max_items) return {};
  return bad(concat("inlining its instances makes more than ", limits_.max_items, " definitions"), Code::limit);
}

ResourceId Inliner::new_resource(Resource resource) {
  auto& all = scratch_ ? scratch_resources_ : resources_;
  all.push_back(std::move(resource));
  return ResourceId{static_cast<std::uint32_t>(all.size() - 1) | (scratch_ ? scratch_bit : 0)};
}

Resource& Inliner::resource(ResourceId id) {
  auto i = index(id);
  return i & scratch_bit ? scratch_resources_[i & ~scratch_bit] : resources_[i];
}

Result<> Inliner::root(const Component& code) {
  code.checked = true;
  CRANK_TRY(Played played, play(code, nullptr, nullptr, "root", std::nullopt));
  out_->resources.assign(std::make_move_iterator(resources_.begin()), std::make_move_iterator(resources_.end()));
  out_->name = code.name;
  CRANK_TRY_VOID(export_tree(*played.imports, out_->import_items, "", false));
  return export_tree(*played.exports, out_->exports, "", true);
}

Result<Inliner::Played> Inliner::play(const Component& code, const Scope* outer, const InstanceItem* arguments,
                                      std::string_view name, std::optional<InstanceId> parent) {
  if (depth_ >= limits_.max_nesting) {
    return bad(concat("instantiations are nested more than ", limits_.max_nesting, " deep"), Code::limit);
  }
  Restore depth{depth_}, offset{offset_};
  ++depth_;
  items_ += weight_of_a_play;
  count_bytes(name.empty() ? code.name.size() : name.size());
  Scope& scope = new_scope();
  scope.outer = outer;
  scope.code = &code;
  if (scratch_) {
    scope.instance = InstanceId{scratch_instances_++ | scratch_bit};
  } else {
    if (out_->instances.size() >= limits_.max_instances) {
      return bad(concat("there are more than ", limits_.max_instances, " component instances"), Code::limit);
    }
    scope.instance = InstanceId{static_cast<std::uint32_t>(out_->instances.size())};
    out_->instances.push_back({std::string(name.empty() ? code.name : name), parent, std::nullopt});
  }
  scope.imports = &new_instance();
  scope.exports = &new_instance();
  scope.exports->component = scope.instance;
  for (auto& definition : code.body) CRANK_TRY_VOID(define(definition, scope, arguments, nullptr));
  if (!scratch_) {
    auto& made = out_->instances[index(scope.instance)];
    auto& exports = scope.exports->items();
    if (made.name.empty() && !exports.empty()) made.name = concat("provider of ", exports.front().name);
  }
  return Played{scope.imports, scope.exports, false, {}};
}

Result<Inliner::Played> Inliner::play(const TypeClosure& type, const InstanceItem* arguments,
                                      const InstanceItem* actual) {
  if (depth_ >= limits_.max_nesting) {
    return bad(concat("types are nested more than ", limits_.max_nesting, " deep"), Code::limit);
  }
  Restore depth{depth_}, offset{offset_};
  ++depth_;
  items_ += weight_of_a_play;
  Scope& scope = new_scope();
  scope.kind = type.def->form == TypeDef::Form::component ? Scope::component_type : Scope::instance_type;
  scope.outer = type.outer;
  scope.imports = &new_instance();
  scope.exports = &new_instance();
  for (auto& definition : type.def->body) CRANK_TRY_VOID(define(definition, scope, arguments, actual));
  return Played{scope.imports, scope.exports, scope.captures_resources, scope.visible};
}

Result<> Inliner::define(const Definition& definition, Scope& scope, const InstanceItem* arguments,
                         const InstanceItem* actual) {
  offset_ = definition.offset;
  CRANK_TRY_VOID(count_item());
  struct Visitor {
    Inliner& in;
    Scope& scope;
    const InstanceItem* arguments;
    const InstanceItem* actual;
    Result<> operator()(const CoreModule& m) { return in.define_core_module(m, scope); }
    Result<> operator()(const CoreTypes& t) { return in.define_core_types(t, scope); }
    Result<> operator()(const CoreInstanceDef& d) { return in.define_core_instance(d, scope); }
    Result<> operator()(const NestedComponent& n) { return in.define_component(n, scope); }
    Result<> operator()(const InstanceDef& d) { return in.define_instance(d, scope); }
    Result<> operator()(const Alias& a) { return in.define_alias(a, scope); }
    Result<> operator()(const TypeDef& t) {
      CRANK_TRY(TypeItem item, in.evaluate(t, scope));
      scope.types.push_back(item);
      return {};
    }
    Result<> operator()(const Canon& c) { return in.define_canon(c, scope); }
    Result<> operator()(const ImportDecl& i) { return in.define_import(i, scope, arguments); }
    Result<> operator()(const ExportDef& e) { return in.define_export(e, scope); }
    Result<> operator()(const ExportDecl& e) { return in.define_export(e, scope, actual); }
  };
  return std::visit(Visitor{*this, scope, arguments, actual}, definition.what);
}

Result<> Inliner::define_component(const NestedComponent& nested, Scope& scope) {
  const Component& code = *nested.component;
  if (!code.checked) {
    code.checked = true;
    Scratch scratch(*this);
    CRANK_TRY_VOID(play(code, &scope, nullptr, "", std::nullopt));
  }
  scope.components.push_back({&code, &scope, nullptr, {}});
  return {};
}

Result<Item> Inliner::item_at(SortIndex where, const Scope& scope) const {
  auto boxed = [](auto found) -> Result<Item> {
    if (!found) return std::unexpected(std::move(found).error());
    return Item(**found);
  };
  switch (where.sort) {
    case Sort::func: return boxed(at(scope.funcs, where.index, "func"));
    case Sort::type: return boxed(at(scope.types, where.index, "type"));
    case Sort::instance: return boxed(at(scope.instances, where.index, "instance"));
    case Sort::component: return boxed(at(scope.components, where.index, "component"));
    case Sort::core_module: return boxed(at(scope.core_modules, where.index, "core module"));
    default: return bad(concat("a ", name_of(where.sort), " cannot be imported, exported or passed"));
  }
}

Result<> Inliner::define_instance(const InstanceDef& def, Scope& scope) {
  InstanceItem& items = new_instance();
  NameScope names;
  for (auto& arg : def.items) {
    CRANK_TRY_VOID(count_item(arg.name.name.size()));
    CRANK_TRY(Item item, item_at(arg.item, scope));
    if (!def.instantiate) CRANK_TRY_VOID(check_name(arg.name, names, item));
    if (!items.add(arg.name.name, std::move(item))) return bad(concat("the name `", arg.name.name, "` stands twice"));
  }
  if (!def.instantiate) {
    items.bag = true;
    scope.instances.push_back({&items, hidden});
    return {};
  }
  CRANK_TRY(auto component, at(scope.components, def.of, "component"));
  auto name = instance_name(scope.code, scope.instances.size());
  CRANK_TRY(auto made, instantiate(*component, &items, name, scope.instance));
  scope.instances.push_back({made, hidden});
  return {};
}

Result<const InstanceItem*> Inliner::instantiate(const ComponentItem& component, const InstanceItem* arguments,
                                                 std::string_view name, std::optional<InstanceId> parent) {
  if (component.code) {
    CRANK_TRY(Played played, play(*component.code, component.outer, arguments, name, parent));
    return played.exports;
  }
  if (!scratch_ && out_->not_instantiable.empty()) {
    out_->not_instantiable = concat("the component imports a component `", component.name,
                                    "` and instantiates it; Crank does not supply components to imports");
  }
  path_.push_back(component.name);
  auto played = play(*component.type, arguments, nullptr);
  path_.pop_back();
  if (!played) return std::unexpected(std::move(played).error());
  return played->exports;
}

Result<> Inliner::define_alias(const Alias& alias, Scope& scope) {
  if (scope.kind != Scope::component && alias.sort != Sort::type &&
      alias.sort != (alias.kind == Alias::outer ? Sort::core_type : Sort::instance)) {
    return bad(concat("an alias of a ", name_of(alias.sort),
                      " may not stand in a type: aliases there may only refer to types or instances"));
  }
  if (alias.kind == Alias::outer) return alias_outer(alias, scope);
  if (alias.kind == Alias::core_export) return alias_core_export(alias, scope);
  CRANK_TRY(auto from, at(scope.instances, alias.number, "instance"));
  const Item* found = from->instance->find(alias.name);
  if (!found) return bad(concat("instance ", alias.number, " has no export named `", alias.name, "`"));
  bool fits = std::visit(
      [&]<class T>(const T&) {
        if constexpr (std::is_same_v<T, FuncItem>) return alias.sort == Sort::func;
        if constexpr (std::is_same_v<T, TypeItem>) return alias.sort == Sort::type;
        if constexpr (std::is_same_v<T, InstanceRef>) return alias.sort == Sort::instance;
        if constexpr (std::is_same_v<T, ComponentItem>) return alias.sort == Sort::component;
        if constexpr (std::is_same_v<T, ModuleItem>) return alias.sort == Sort::core_module;
      },
      *found);
  if (!fits)
    return bad(concat("the export `", alias.name, "` is a ", kind_of(*found), ", not a ", name_of(alias.sort)));
  Item item = *found;
  if (auto* type = std::get_if<TypeItem>(&item)) {
    bool own_name = from->instance->bag || !needs_name(*type);
    type->visible = (own_name ? type->visible : hidden) | from->visible;
  } else if (auto* instance = std::get_if<InstanceRef>(&item)) {
    instance->visible = instance->visible | from->visible;
  }
  push(item, scope);
  return {};
}

Result<> Inliner::alias_outer(const Alias& alias, Scope& scope) {
  const Scope* target = &scope;
  bool leaves_component = false;
  for (std::uint32_t n = alias.number; n > 0; --n) {
    leaves_component |= target->kind == Scope::component;
    target = target->outer;
    if (!target) return bad(concat("an outer alias counts ", alias.number, " scopes outwards; there are fewer"));
  }
  switch (alias.sort) {
    case Sort::core_module: {
      CRANK_TRY(auto found, at(target->core_modules, alias.index, "core module"));
      scope.core_modules.push_back(ModuleItem(*found));
      return {};
    }
    case Sort::core_type: {
      CRANK_TRY(auto found, at(target->core_types, alias.index, "core type"));
      scope.core_types.push_back(CoreTypeItem(*found));
      return {};
    }
    case Sort::component: {
      CRANK_TRY(auto found, at(target->components, alias.index, "component"));
      scope.components.push_back(ComponentItem(*found));
      return {};
    }
    case Sort::type: {
      CRANK_TRY(auto found, at(target->types, alias.index, "type"));
      TypeItem item = *found;
      if (mentions_resource(item)) {
        if (leaves_component)
          return bad("an outer alias takes a type that transitively refers to resources out of its component");
        for (const Scope* s = &scope; s != target; s = s->outer) s->captures_resources = true;
      }
      if (leaves_component && needs_name(item)) item.visible = hidden;
      scope.types.push_back(item);
      return {};
    }
    default: return bad(concat("an outer alias may not refer to a ", name_of(alias.sort)));
  }
}

std::size_t Inliner::path_size() const {
  std::size_t size = 0;
  for (auto part : path_) size += part.size() + 1;
  return size;
}

std::string Inliner::interface_path() const {
  std::string out;
  for (auto part : path_) out.append(out.empty() ? "" : "#").append(part);
  return out;
}

// `exported` distinguishes the tree of exports, after which lifts and resources are named for messages, from that of imports.
Result<> Inliner::export_tree(const InstanceItem& from, std::vector<Export>& to, const std::string& path,
                              bool exported) {
  for (auto& [name, item] : from.items()) {
    CRANK_TRY_VOID(count_item(2 * (path.size() + name.size())));
    std::string full = path.empty() ? std::string(name) : concat(path, "#", name);
    Export& out = to.emplace_back();
    out.name = name;
    if (auto* func = std::get_if<FuncItem>(&item)) {
      out.item.kind = ExportItem::function;
      out.item.function_source = func->source;
      out.item.function_type = func->type;
      if (exported && func->source.kind == FuncSource::lifted) {
        auto& lift = out_->lifts[func->source.index];
        if (lift.name.find('#') == lift.name.npos && (lift.name.empty() || !path.empty())) lift.name = full;
      }
    } else if (auto* type = std::get_if<TypeItem>(&item)) {
      out.item.kind = type->kind == TypeItem::resource ? ExportItem::resource : ExportItem::type;
      out.item.value_type = type->type;
      out.item.function_type = type->function_type;
      out.item.resource_id = type->resource_id;
    } else if (auto* instance = std::get_if<InstanceRef>(&item)) {
      out.item.kind = ExportItem::instance;
      CRANK_TRY_VOID(export_tree(*instance->instance, out.item.exports, full, exported));
    } else {
      out.item.kind = std::holds_alternative<ModuleItem>(item) ? ExportItem::module : ExportItem::component;
    }
  }
  return {};
}

}  // namespace crank::component::detail
