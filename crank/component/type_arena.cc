#include "crank/component/type_arena.h"

#include <array>
#include <deque>
#include <functional>
#include <unordered_set>
#include <utility>

#include "crank/base/check.h"
#include "crank/component/type_layout.h"

namespace crank::component {
namespace {

constexpr std::size_t primitive_count = static_cast<std::size_t>(TypeKind::error_context) + 1;

void mix(std::size_t& hash, std::size_t value) {
  hash = (hash ^ value) * 0x9e37'79b9'7f4a'7c15u;
  hash ^= hash >> 29;
}

std::size_t hash_fields(std::size_t hash, const std::vector<Field>& fields) {
  mix(hash, fields.size());
  for (auto& field : fields) {
    mix(hash, std::hash<std::string_view>{}(field.name));
    mix(hash, std::hash<const void*>{}(field.type));
  }
  return hash;
}

bool same_fields(const std::vector<Field>& a, const std::vector<Field>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].type != b[i].type || a[i].name != b[i].name) return false;
  }
  return true;
}

struct Hash {
  std::size_t operator()(const Type* t) const {
    auto hash = static_cast<std::size_t>(t->kind);
    mix(hash, std::hash<const void*>{}(t->element));
    mix(hash, (std::size_t{t->length} << 32) | static_cast<std::uint32_t>(t->resource));
    return hash_fields(hash, t->fields);
  }
  std::size_t operator()(const FuncType* t) const {
    std::size_t hash = t->async_;
    mix(hash, std::hash<const void*>{}(t->result));
    return hash_fields(hash, t->params);
  }
};

struct Same {
  bool operator()(const Type* a, const Type* b) const {
    return a->kind == b->kind && a->element == b->element && a->length == b->length && a->resource == b->resource &&
           same_fields(a->fields, b->fields);
  }
  bool operator()(const FuncType* a, const FuncType* b) const {
    return a->async_ == b->async_ && a->result == b->result && same_fields(a->params, b->params);
  }
};

std::vector<Field> bare_labels(const std::vector<std::string>& labels) {
  std::vector<Field> fields;
  fields.reserve(labels.size());
  for (auto& label : labels) fields.push_back({label, nullptr, 0});
  return fields;
}

}  // namespace

struct TypeArena::Tables {
  std::array<Type, primitive_count> primitives;
  std::deque<Type> types;
  std::deque<FuncType> functions;
  std::unordered_set<const Type*, Hash, Same> type_set;
  std::unordered_set<const FuncType*, Hash, Same> function_set;
};

TypeArena::TypeArena() : tables_(std::make_unique<Tables>()) {
  for (std::size_t i = 0; i < primitive_count; ++i) {
    tables_->primitives[i].kind = static_cast<TypeKind>(i);
    detail::lay_out(tables_->primitives[i]);
  }
}
TypeArena::~TypeArena() = default;

std::size_t TypeArena::size() const noexcept { return tables_->types.size(); }

TypeRef TypeArena::intern(Type&& type) {
  if (auto found = tables_->type_set.find(&type); found != tables_->type_set.end()) return *found;
  Type& kept = tables_->types.emplace_back(std::move(type));
  detail::lay_out(kept);
  tables_->type_set.insert(&kept);
  return &kept;
}

TypeRef TypeArena::primitive(TypeKind kind) const {
  auto i = static_cast<std::size_t>(kind);
  CRANK_CHECK(i < primitive_count, name_of(kind), " is not a primitive type");
  return &tables_->primitives[i];
}

TypeRef TypeArena::list(TypeRef element) { return intern({.kind = TypeKind::list, .element = element}); }
TypeRef TypeArena::fixed_list(TypeRef element, std::uint32_t length) {
  CRANK_CHECK(length > 0, "a fixed-length list has at least one element");
  return intern({.kind = TypeKind::fixed_list, .element = element, .length = length});
}
TypeRef TypeArena::map(TypeRef key, TypeRef value) {
  return intern({.kind = TypeKind::map, .element = tuple({key, value})});
}
TypeRef TypeArena::record(std::vector<Field> fields) {
  CRANK_CHECK(!fields.empty(), "a record has at least one field");
  return intern({.kind = TypeKind::record, .fields = std::move(fields)});
}
TypeRef TypeArena::tuple(const std::vector<TypeRef>& elements) {
  CRANK_CHECK(!elements.empty(), "a tuple has at least one element");
  std::vector<Field> fields;
  fields.reserve(elements.size());
  for (auto element : elements) fields.push_back({{}, element, 0});
  return intern({.kind = TypeKind::tuple, .fields = std::move(fields)});
}
TypeRef TypeArena::variant(std::vector<Field> cases) {
  CRANK_CHECK(!cases.empty(), "a variant has at least one case");
  return intern({.kind = TypeKind::variant, .fields = std::move(cases)});
}
TypeRef TypeArena::enum_(const std::vector<std::string>& cases) {
  CRANK_CHECK(!cases.empty(), "an enum has at least one case");
  return intern({.kind = TypeKind::enum_, .fields = bare_labels(cases)});
}
TypeRef TypeArena::flags(const std::vector<std::string>& labels) {
  CRANK_CHECK(!labels.empty() && labels.size() <= 32, "flags have 1 to 32 labels, not ", labels.size());
  return intern({.kind = TypeKind::flags, .fields = bare_labels(labels)});
}
TypeRef TypeArena::option(TypeRef some) {
  return intern({.kind = TypeKind::option, .fields = {{"none", nullptr, 0}, {"some", some, 0}}});
}
TypeRef TypeArena::result(TypeRef ok, TypeRef error) {
  return intern({.kind = TypeKind::result, .fields = {{"ok", ok, 0}, {"error", error, 0}}});
}
TypeRef TypeArena::own(ResourceId resource) { return intern({.kind = TypeKind::own, .resource = resource}); }
TypeRef TypeArena::borrow(ResourceId resource) { return intern({.kind = TypeKind::borrow, .resource = resource}); }
TypeRef TypeArena::stream(TypeRef element) { return intern({.kind = TypeKind::stream, .element = element}); }
TypeRef TypeArena::future(TypeRef element) { return intern({.kind = TypeKind::future, .element = element}); }

const FuncType* TypeArena::function(std::vector<Field> params, TypeRef result, bool async_) {
  FuncType type{.params = std::move(params), .result = result, .async_ = async_};
  if (auto found = tables_->function_set.find(&type); found != tables_->function_set.end()) return *found;
  FuncType& kept = tables_->functions.emplace_back(std::move(type));
  detail::lay_out(kept);
  tables_->function_set.insert(&kept);
  return &kept;
}

}  // namespace crank::component
