#include <algorithm>

#include "crank/component/inline.h"

namespace crank::component::detail {
using namespace syntax;
using Form = TypeDef::Form;

namespace {

constexpr std::uint32_t max_value_size = 1u << 28;

bool is_nominal(TypeKind kind) {
  return kind == TypeKind::record || kind == TypeKind::variant || kind == TypeKind::enum_ || kind == TypeKind::flags;
}
bool is_key(TypeKind kind) { return kind <= TypeKind::string && kind != TypeKind::f32 && kind != TypeKind::f64; }

}  // namespace

Result<TypeItem> Inliner::evaluate(const TypeDef& def, Scope& scope) {
  switch (def.form) {
    case Form::function: return evaluate_function(def, scope);
    case Form::resource: return evaluate_resource(def, scope);
    case Form::component:
    case Form::instance: return evaluate_closure(def, scope);
    default: return evaluate_value(def, scope);
  }
}

Result<TypeRef> Inliner::value_type(ValType type, const Scope& scope, Visible& visible) {
  if (type.kind == ValType::none) return nullptr;
  if (type.kind == ValType::primitive) return arena_.primitive(type.type);
  CRANK_TRY(auto item, at(scope.types, type.number, "type"));
  if (item->kind != TypeItem::value) return bad(concat("type ", type.number, " is not a value type"));
  visible = visible & item->visible;
  return item->type;
}

Result<std::vector<Field>> Inliner::fields(const std::vector<Label>& labels, const Scope& scope, const char* what,
                                           Visible& visible) {
  std::vector<Field> out;
  out.reserve(labels.size());
  std::unordered_set<std::string> seen;
  for (auto& label : labels) {
    CRANK_TRY_VOID(count_item(label.name.size()));
    if (!is_label(label.name)) return bad(concat("the ", what, " name `", label.name, "` is not a kebab-case label"));
    if (!seen.insert(lower_case(label.name)).second)
      return bad(concat("the ", what, " name `", label.name, "` conflicts with an earlier one"));
    CRANK_TRY(TypeRef type, value_type(label.type, scope, visible));
    out.push_back({std::string(label.name), type, 0});
  }
  return out;
}

Result<std::vector<std::string>> Inliner::bare_labels(const std::vector<Label>& labels, const char* what) {
  std::vector<std::string> out;
  Visible ignored;
  CRANK_TRY(auto named, fields(labels, Scope{}, what, ignored));
  for (auto& field : named) out.push_back(std::move(field.name));
  return out;
}

Result<TypeItem> Inliner::evaluate_value(const TypeDef& def, const Scope& scope) {
  TypeItem out;
  TypeRef type = nullptr;
  switch (def.form) {
    case Form::primitive: type = arena_.primitive(def.first.type); break;
    case Form::record: {
      CRANK_TRY(auto all, fields(def.labels, scope, "field", out.parts));
      type = arena_.record(std::move(all));
      break;
    }
    case Form::variant: {
      CRANK_TRY(auto all, fields(def.labels, scope, "case", out.parts));
      type = arena_.variant(std::move(all));
      break;
    }
    case Form::tuple: {
      std::vector<TypeRef> elements;
      elements.reserve(def.labels.size());
      for (auto& label : def.labels) {
        CRANK_TRY_VOID(count_item());
        CRANK_TRY(TypeRef element, value_type(label.type, scope, out.parts));
        elements.push_back(element);
      }
      type = arena_.tuple(elements);
      break;
    }
    case Form::flags: {
      CRANK_TRY(auto all, bare_labels(def.labels, "flag"));
      type = arena_.flags(all);
      break;
    }
    case Form::enum_: {
      CRANK_TRY(auto all, bare_labels(def.labels, "case"));
      type = arena_.enum_(all);
      break;
    }
    case Form::own:
    case Form::borrow: {
      CRANK_TRY(auto item, at(scope.types, def.number, "type"));
      if (item->kind != TypeItem::resource) return bad(concat("type ", def.number, " is not a resource type"));
      type = def.form == Form::own ? arena_.own(item->resource_id) : arena_.borrow(item->resource_id);
      out.parts = item->visible;
      break;
    }
    default: {
      CRANK_TRY(TypeRef first, value_type(def.first, scope, out.parts));
      CRANK_TRY(TypeRef second, value_type(def.second, scope, out.parts));
      switch (def.form) {
        case Form::list: type = arena_.list(first); break;
        case Form::fixed_list: type = arena_.fixed_list(first, def.number); break;
        case Form::option: type = arena_.option(first); break;
        case Form::result: type = arena_.result(first, second); break;
        case Form::map:
          if (!is_key(first->kind)) return bad(concat("a map cannot have keys of type ", name_of(first->kind)));
          type = arena_.map(first, second);
          break;
        case Form::stream:
        case Form::future:
          if (first && first->has_borrow)
            return bad(concat("a ", def.form == Form::stream ? "stream" : "future", " cannot carry borrows"));
          if (def.form == Form::stream && first && first->kind == TypeKind::char_) {
            return bad("stream<char> is not valid at this time");
          }
          type = def.form == Form::stream ? arena_.stream(first) : arena_.future(first);
          break;
        default: return bad("a type of unknown form");
      }
    }
  }
  if (type->wide_size >= max_value_size) {
    return bad(concat("a ", name_of(type->kind), " is as large as 2^28 bytes or larger in memory"));
  }
  if (type->depth > limits_.max_nesting) {
    return bad(concat("a type is nested more than ", limits_.max_nesting, " deep"), Code::limit);
  }
  out.type = type;
  out.visible = is_nominal(type->kind) ? hidden : out.parts;
  return out;
}

Result<TypeItem> Inliner::evaluate_function(const TypeDef& def, const Scope& scope) {
  TypeItem out{.kind = TypeItem::function};
  CRANK_TRY(auto params, fields(def.labels, scope, "parameter", out.parts));
  CRANK_TRY(TypeRef result, value_type(def.first, scope, out.parts));
  if (result && result->has_borrow) return bad("the result of a function type contains a borrow");
  out.function_type = arena_.function(std::move(params), result, def.async_);
  out.visible = out.parts;
  return out;
}

Result<TypeItem> Inliner::evaluate_resource(const TypeDef& def, Scope& scope) {
  if (scope.kind != Scope::component) return bad("a resource type can only be defined in a component, not in a type");
  Resource made;
  made.instance = scope.instance;
  if (def.has_destructor) {
    CRANK_TRY(auto entry, at(scope.core_funcs, def.number, "core func"));
    made.destructor = core_def(CoreSort::func, *entry);
    constexpr CoreType rep[] = {CoreType::i32};
    CRANK_TRY_VOID(check_core_func(*entry, rep, {}, "the destructor of a resource"));
  }
  TypeItem out{.kind = TypeItem::resource, .visible = hidden};
  out.resource_id = new_resource(std::move(made));
  if (!scratch_) out_->steps.emplace_back(DefineResource{out.resource_id});
  return out;
}

// The type is played here once, with everything in it abstract, so that what is wrong in it is found where it stands.
// Its outer aliases are bound to what precedes it, which later plays see unchanged.
Result<TypeItem> Inliner::evaluate_closure(const TypeDef& def, Scope& scope) {
  TypeClosure& closure = closures_.emplace_back(TypeClosure{&def, &scope});
  TypeItem out{.kind = def.form == Form::component ? TypeItem::component : TypeItem::instance, .closure = &closure};
  if (!def.checked) {
    Scratch scratch(*this);
    CRANK_TRY(Played played, play(closure, nullptr, nullptr));
    def.checked = true;
    def.captures_resources = played.captures_resources;
    def.visible_in_import = played.visible.import;
    def.visible_in_export = played.visible.export_;
  }
  closure.captures_resources = def.captures_resources;
  out.visible = out.parts = {def.visible_in_import, def.visible_in_export};
  return out;
}

bool Inliner::contains_resource(TypeRef type) {
  if (!type || !type->has_handles) {
    bool through = type && (type->kind == TypeKind::stream || type->kind == TypeKind::future);
    if (!through) return false;
  }
  if (type->kind == TypeKind::own || type->kind == TypeKind::borrow) return true;
  if (auto known = contains_resource_.find(type); known != contains_resource_.end()) return known->second;
  bool found = contains_resource(type->element);
  for (auto& field : type->fields) found = found || contains_resource(field.type);
  return contains_resource_[type] = found;
}

bool Inliner::needs_name(TypeRef type) {
  if (!type) return false;
  if (is_nominal(type->kind) || type->kind == TypeKind::own || type->kind == TypeKind::borrow) return true;
  if (!type->element && type->fields.empty()) return false;
  if (auto known = needs_name_.find(type); known != needs_name_.end()) return known->second;
  bool found = needs_name(type->element);
  for (auto& field : type->fields) found = found || needs_name(field.type);
  return needs_name_[type] = found;
}

bool Inliner::needs_name(const TypeItem& item) {
  switch (item.kind) {
    case TypeItem::value: return needs_name(item.type);
    case TypeItem::function: {
      const FuncType& type = *item.function_type;
      auto [known, fresh] = needs_name_.try_emplace(&type);
      if (!fresh) return known->second;
      bool found =
          needs_name(type.result) || std::ranges::any_of(type.params, [&](auto& p) { return needs_name(p.type); });
      return needs_name_[&type] = found;
    }
    case TypeItem::resource: return true;
    default: return false;
  }
}

bool Inliner::mentions_resource(const TypeItem& item) {
  switch (item.kind) {
    case TypeItem::value: return contains_resource(item.type);
    case TypeItem::function: {
      const FuncType& type = *item.function_type;
      auto [known, fresh] = contains_resource_.try_emplace(&type);
      if (!fresh) return known->second;
      bool found = contains_resource(type.result) ||
                   std::ranges::any_of(type.params, [&](auto& p) { return contains_resource(p.type); });
      return contains_resource_[&type] = found;
    }
    case TypeItem::resource: return true;
    default: return item.closure->captures_resources;
  }
}

}  // namespace crank::component::detail
