// What definitions evaluate to while a component is played symbolically (inline.h): items, and the scopes whose index
// spaces hold them. Items are small and copied freely; scopes, instances and type closures live in the Inliner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "crank/component/program.h"
#include "crank/component/syntax.h"

namespace crank::component::detail {

struct Scope;
class InstanceItem;

/// Whether a use in an import, or in an export, may mention it (Explainer.md, "External Visibility of Types").
struct Visible {
  bool import = true, export_ = true;
  friend Visible operator&(Visible a, Visible b) { return {a.import && b.import, a.export_ && b.export_}; }
  friend Visible operator|(Visible a, Visible b) { return {a.import || b.import, a.export_ || b.export_}; }
};
constexpr Visible hidden{false, false};

/// A component or instance type: its text, and the scope its outer aliases reach into. Each use plays it anew, which is
/// what makes its resources fresh.
struct TypeClosure {
  const syntax::TypeDef* def = nullptr;
  const Scope* outer = nullptr;
  bool captures_resources = false;
};

struct TypeItem {
  enum Kind : std::uint8_t { value, function, resource, instance, component } kind = value;
  Visible visible;  ///< of a mention of this type
  Visible parts;    ///< of what it is made of: asked when it gets a name
  TypeRef type = nullptr;
  const FuncType* function_type = nullptr;
  ResourceId resource_id{};
  const TypeClosure* closure = nullptr;
};
struct FuncItem {
  const FuncType* type = nullptr;
  FuncSource source;
  Visible visible;
};
/// A component: its text and scope, or, if it is imported from outside the root, only its type.
struct ComponentItem {
  const syntax::Component* code = nullptr;
  const Scope* outer = nullptr;
  const TypeClosure* type = nullptr;
  std::string_view name;
};
/// A core module: its bytes, or, if it is imported from outside the root, none.
struct ModuleItem {
  std::span<const std::byte> bytes;
  const CoreInterface* interface = nullptr;
};
struct InstanceRef {
  const InstanceItem* instance = nullptr;
  Visible visible = hidden;  ///< whether aliasing a type out of it gives that type a name
};
using Item = std::variant<FuncItem, TypeItem, InstanceRef, ComponentItem, ModuleItem>;
std::string_view kind_of(const Item& item) noexcept;

struct NamedItem {
  std::string_view name;
  Item item;
};

/// Named items in order, found by name in constant time.
class InstanceItem {
 public:
  const std::vector<NamedItem>& items() const { return items_; }
  const Item* find(std::string_view name) const;
  /// False if the name is there already.
  bool add(std::string_view name, Item item);

  std::optional<InstanceId> component;  ///< the component instance whose exports these are
  bool bag = false;                     ///< put together from definitions of the scope it stands in
  bool has_types = false;               ///< some of its items are types
  Visible functions_visible;            ///< of all its functions together

 private:
  std::vector<NamedItem> items_;
  std::unordered_map<std::string_view, std::uint32_t> index_;  // only once there are more than a few
};

/// A core type: a function (or other) type, or a module type with what it says about imports and exports.
struct CoreTypeItem {
  const syntax::CoreTypeDef* def = nullptr;
  const CoreInterface* module = nullptr;
};

/// A core definition as it stands in an index space.
struct CoreEntry {
  bool is_trampoline = false;
  std::uint32_t index = 0;           ///< CoreInstanceId or TrampolineId
  std::string_view name;             ///< export of the core instance
  const CoreExtern* type = nullptr;  ///< null: not known, so not checked
};
struct CoreInstanceItem {
  const CoreInterface* interface = nullptr;  ///< of its module
  std::optional<CoreInstanceId> instance;    ///< none: a bag of the definitions below
  struct Entry {
    std::string_view name;
    CoreSort sort;
    CoreEntry definition;
  };
  std::vector<Entry> entries;  ///< sorted by name
};

/// The import or export names of one scope: all strongly unique, and the resources that annotated names may refer to.
struct NameScope {
  std::unordered_set<std::string> keys;
  std::unordered_map<std::string_view, ResourceId> resources;
};

/// One instantiation of a component, or one play of a component or instance type.
struct Scope {
  enum Kind : std::uint8_t { component, component_type, instance_type } kind = component;
  const Scope* outer = nullptr;
  InstanceId instance{};
  const syntax::Component* code = nullptr;
  mutable bool captures_resources = false;  ///< a type in it mentions a resource of a scope outside of it
  Visible visible;                          ///< instance type: of all its exports together

  std::vector<CoreEntry> core_funcs, core_tables, core_memories, core_globals, core_tags;
  std::vector<CoreTypeItem> core_types;
  std::vector<ModuleItem> core_modules;
  std::vector<const CoreInstanceItem*> core_instances;
  std::vector<FuncItem> funcs;
  std::vector<TypeItem> types;
  std::vector<ComponentItem> components;
  std::vector<InstanceRef> instances;

  NameScope import_names, export_names;
  InstanceItem* imports = nullptr;
  InstanceItem* exports = nullptr;
};

}  // namespace crank::component::detail
