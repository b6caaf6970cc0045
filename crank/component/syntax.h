// What stands in a component binary, section by section, before anything is resolved: indices are still numbers, names
// still point into the binary. Decoding makes it (decode.h), inlining plays it (inline.h). Binary.md names every part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crank/component/core_types.h"
#include "crank/component/program.h"
#include "crank/component/types.h"

namespace crank::component::syntax {

enum class Sort : std::uint8_t {
  core_func,
  core_table,
  core_memory,
  core_global,
  core_tag,
  core_type,
  core_module,
  core_instance,
  func,
  value,
  type,
  component,
  instance,
};
std::string_view name_of(Sort) noexcept;

struct SortIndex {
  Sort sort{};
  std::uint32_t index = 0;
};

/// A use of a value type: nothing, a primitive, or an index into the type index space.
struct ValType {
  enum Kind : std::uint8_t { none, primitive, index } kind = none;
  TypeKind type{};
  std::uint32_t number = 0;
};

struct Label {
  std::string_view name;
  ValType type;
};

struct Definition;

struct TypeDef {
  enum class Form : std::uint8_t {
    primitive,
    record,
    variant,
    list,
    fixed_list,
    tuple,
    flags,
    enum_,
    option,
    result,
    own,
    borrow,
    stream,
    future,
    map,
    resource,
    function,
    component,
    instance,
  } form{};
  bool async_ = false;           ///< function
  bool has_destructor = false;   ///< resource
  ValType first, second;         ///< element; key, value; ok, error; function: result
  std::uint32_t number = 0;      ///< fixed_list: length; own, borrow: type; resource: destructor
  std::vector<Label> labels;     ///< fields, elements, cases, labels, parameters
  std::vector<Definition> body;  ///< component, instance: declarators
  /// component, instance: the inliner has played it once, with everything abstract, and found this.
  mutable bool checked = false, captures_resources = false, visible_in_import = true, visible_in_export = true;
};

/// A declarator of a core module type.
struct ModuleDecl {
  enum Kind : std::uint8_t { import_, types, outer_alias, export_ } kind{};
  std::string_view module, name;
  detail::CoreExtern type;
  std::vector<detail::CoreFuncType> defined;  ///< types
  std::uint32_t scopes = 0, index = 0;        ///< outer_alias
};
struct CoreTypeDef {
  detail::CoreFuncType func;
  bool is_module = false;
  std::vector<ModuleDecl> body;
};
/// One entry of a core type section: several types if it is a recursion group.
struct CoreTypes {
  std::vector<CoreTypeDef> types;
};

struct ExternType {
  Sort sort{};
  bool fresh_resource = false;  ///< type: (sub resource), else (eq number)
  std::uint32_t number = 0;     ///< type index
};

struct ExternName {
  std::string_view name, implements, version_suffix, external_id;
  bool has_implements = false, has_version_suffix = false, has_external_id = false;
};

struct ImportDecl {
  ExternName name;
  ExternType type;
};
struct ExportDecl {
  ExternName name;
  ExternType type;
};
struct ExportDef {
  ExternName name;
  SortIndex item;
  bool ascribed = false;
  ExternType type;
};

struct Alias {
  enum Kind : std::uint8_t { export_, core_export, outer } kind{};
  Sort sort{};
  std::uint32_t number = 0;  ///< instance index, or how many scopes outwards
  std::uint32_t index = 0;   ///< outer
  std::string_view name;
};

struct InlineItem {
  ExternName name;
  SortIndex item;
};
/// A core or a component instance: made of a module or component and arguments, or of definitions by name.
struct InstanceDef {
  bool instantiate = false;
  std::uint32_t of = 0;
  std::vector<InlineItem> items;
};
struct CoreInstanceDef : InstanceDef {};

struct CanonOption {
  enum Kind : std::uint8_t { utf8, utf16, latin1_utf16, memory, realloc, post_return, async_, callback } kind{};
  std::uint32_t index = 0;
};
struct Canon {
  bool lift = false;
  Builtin op{};
  bool async_ = false, cancellable = false, wide = false;
  std::uint32_t function = 0;  ///< lift: core function; lower: function
  std::uint32_t type = 0;      ///< lift, resource.*, stream.*, future.*: type; thread.new-indirect: core type
  std::uint32_t number = 0;    ///< context.*: slot; waitable-set.*: memory; thread.new-indirect: table
  ValType result;              ///< task.return
  std::vector<CanonOption> options;
};

struct CoreModule {
  std::span<const std::byte> bytes;
};
struct Component;
struct NestedComponent {
  std::unique_ptr<Component> component;
};

struct Definition {
  std::uint32_t offset = 0;
  std::variant<CoreModule, CoreInstanceDef, CoreTypes, NestedComponent, InstanceDef, Alias, TypeDef, Canon, ImportDecl,
               ExportDef, ExportDecl>
      what;
};

struct Component {
  std::uint32_t offset = 0;
  std::vector<Definition> body;
  std::string_view name;                                      ///< from the name section
  std::vector<std::pair<SortIndex, std::string_view>> names;  ///< of components and instances, by index
  mutable bool checked = false;  ///< the inliner has played it once, with every import abstract
  Component();
  ~Component();
  Component(Component&&) noexcept;
};

}  // namespace crank::component::syntax
