// Plays the instantiation of a component, and of every component nested in it, without running anything: what remains
// is a Program. Every instantiation gets its own scope, with its own resources, so types are concrete from the start
// and nothing is ever substituted.
//
//   play(component, arguments)   imports are bound to the arguments, or, without arguments, to abstract items made
//                                from their types; that is how the root is played, and how every nested component is
//                                played once where it is defined, into a Program that is thrown away: a component that
//                                is wrong is refused even if nobody instantiates it.
//   play(type, arguments, actual)  the same for component and instance types. Exports are made up, or, given an actual
//                                instance, matched: equal types are equal pointers, because resources are bound first.
//
// Work is bounded: every definition played counts against DecodeLimits::max_items, recursion against max_nesting.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crank/component/inline_scope.h"
#include "crank/component/names.h"
#include "crank/component/type_arena.h"

namespace crank::component::detail {

class Inliner {
 public:
  Inliner(const DecodeLimits& limits, Program& out) : limits_(limits), out_(&out), arena_(*out.types) {}

  Result<> root(const syntax::Component& code);

 private:
  struct Scratch;  // while one is alive, what is played goes into a Program that is thrown away
  struct Played {
    const InstanceItem* imports = nullptr;
    const InstanceItem* exports = nullptr;
    bool captures_resources = false;
    Visible visible;  ///< whether the type as a whole may be mentioned
  };

  // inline.cc, inline_core.cc: the walk through definitions
  Result<Played> play(const syntax::Component& code, const Scope* outer, const InstanceItem* arguments,
                      std::string_view name, std::optional<InstanceId> parent);
  Result<Played> play(const TypeClosure& type, const InstanceItem* arguments, const InstanceItem* actual);
  Result<> define(const syntax::Definition& definition, Scope& scope, const InstanceItem* arguments,
                  const InstanceItem* actual);
  Result<> define_component(const syntax::NestedComponent& nested, Scope& scope);
  Result<> define_core_instance(const syntax::CoreInstanceDef& def, Scope& scope);
  Result<> define_instance(const syntax::InstanceDef& def, Scope& scope);
  Result<> define_alias(const syntax::Alias& alias, Scope& scope);
  Result<> alias_outer(const syntax::Alias& alias, Scope& scope);
  Result<> define_core_types(const syntax::CoreTypes& types, Scope& scope);
  Result<const CoreInterface*> evaluate_module_type(const syntax::CoreTypeDef& type, const Scope& scope);
  Result<> define_core_module(const syntax::CoreModule& module, Scope& scope);
  Result<> check_core_arguments(const CoreInterface& module, const syntax::CoreInstanceDef& def, const Scope& scope);
  Result<> alias_core_export(const syntax::Alias& alias, Scope& scope);

  // inline_extern.cc: imports, exports, and whether one fits the other
  Result<> define_import(const syntax::ImportDecl& decl, Scope& scope, const InstanceItem* arguments);
  Result<> define_export(const syntax::ExportDef& def, Scope& scope);
  Result<> define_export(const syntax::ExportDecl& decl, Scope& scope, const InstanceItem* actual);
  Result<Item> make(const syntax::ExternType& type, Scope& scope, std::string_view name, Visible by);
  Result<Item> match(const Item& actual, const syntax::ExternType& type, Scope& scope, std::string_view name,
                     Visible by);
  Result<> match_type(const TypeItem& actual, const TypeItem& wanted, std::string_view name);
  Result<> match_component(const ComponentItem& actual, const TypeClosure& wanted);
  Result<const InstanceItem*> instantiate(const ComponentItem& component, const InstanceItem* arguments,
                                          std::string_view name, std::optional<InstanceId> parent);
  Result<> check_name(const syntax::ExternName& name, NameScope& names, const Item& item);
  Result<> check_annotation(const ExternNameParts& parts, const NameScope& names, const Item& item,
                            std::string_view name);
  Result<> check_visible(const Item& item, bool import, std::string_view name);
  void push(const Item& item, Scope& scope);

  // inline_types.cc
  Result<TypeItem> evaluate(const syntax::TypeDef& def, Scope& scope);
  Result<TypeItem> evaluate_function(const syntax::TypeDef& def, const Scope& scope);
  Result<TypeItem> evaluate_value(const syntax::TypeDef& def, const Scope& scope);
  Result<TypeItem> evaluate_resource(const syntax::TypeDef& def, Scope& scope);
  Result<TypeItem> evaluate_closure(const syntax::TypeDef& def, Scope& scope);
  Result<TypeRef> value_type(syntax::ValType type, const Scope& scope, Visible& visible);
  Result<std::vector<Field>> fields(const std::vector<syntax::Label>& labels, const Scope& scope, const char* what,
                                    Visible& visible);
  Result<std::vector<std::string>> bare_labels(const std::vector<syntax::Label>& labels, const char* what);
  bool mentions_resource(const TypeItem& item);
  bool contains_resource(TypeRef type);
  bool needs_name(TypeRef type);
  bool needs_name(const TypeItem& item);

  // inline_canon.cc
  Result<> define_canon(const syntax::Canon& canon, Scope& scope);
  Result<> define_lift(const syntax::Canon& canon, Scope& scope);
  Result<> define_lower(const syntax::Canon& canon, Scope& scope);
  Result<> define_resource_builtin(const syntax::Canon& canon, Scope& scope);
  Result<> define_copy_builtin(const syntax::Canon& canon, Scope& scope);
  Result<OptionsId> options(const std::vector<syntax::CanonOption>& options, const Scope& scope, Builtin op, bool lift);
  Result<> check_core_func(const CoreEntry& entry, std::span<const CoreType> params, std::span<const CoreType> results,
                           std::string_view what);
  Result<> check_memory(const CoreEntry& entry);
  Result<> needs(const Options& options, bool memory, bool realloc);
  void push_trampoline(Trampoline trampoline, Scope& scope);

  // shared
  template <class T>
  Result<const T*> at(const std::vector<T>& space, std::uint32_t index, std::string_view what) const {
    if (index < space.size()) return &space[index];
    return bad(concat(what, " index ", index, " is out of bounds; there are ", space.size()));
  }
  Result<Item> item_at(syntax::SortIndex where, const Scope& scope) const;
  Result<std::pair<CoreSort, CoreEntry>> core_at(syntax::SortIndex where, const Scope& scope) const;
  CoreDef core_def(CoreSort sort, const CoreEntry& entry);
  ResourceId new_resource(Resource resource);
  Resource& resource(ResourceId id);
  ModuleId module_id(const ModuleItem& module);
  Scope& new_scope() { return scopes_.emplace_back(); }
  InstanceItem& new_instance() { return instances_.emplace_back(); }
  /// One definition, and `bytes` of names it makes copies of: long names must not be free to repeat.
  Result<> count_item(std::size_t bytes = 0);
  void count_bytes(std::size_t bytes) { items_ += static_cast<std::uint32_t>(bytes / bytes_an_item); }
  static constexpr std::size_t bytes_an_item = 64;
  std::unexpected<Error> bad(std::string_view sentence, Code code = Code::bad_binary) const;
  std::string interface_path() const;
  std::size_t path_size() const;
  Result<> export_tree(const InstanceItem& from, std::vector<Export>& to, const std::string& path, bool exported);

  const DecodeLimits& limits_;
  Program* out_;
  TypeArena& arena_;
  bool scratch_ = false;
  std::uint32_t offset_ = 0, items_ = 0, depth_ = 0, core_instance_count_ = 0, scratch_instances_ = 0;
  std::vector<std::string_view> path_;  // of the imports being made up, outermost first
  std::deque<Scope> scopes_;
  std::deque<InstanceItem> instances_;
  std::deque<CoreInstanceItem> core_instances_;
  std::deque<CoreInterface> core_interfaces_;
  std::unordered_map<const std::byte*, const CoreInterface*> reflected_;
  std::deque<CoreFuncType> core_functions_;
  std::deque<CoreExtern> core_externs_;
  std::deque<TypeClosure> closures_;
  std::deque<Resource> resources_, scratch_resources_;
  std::unordered_map<const std::byte*, ModuleId> modules_;
  std::unordered_map<const void*, bool> contains_resource_, needs_name_;  // by TypeRef or const FuncType*
};

struct Inliner::Scratch {
  explicit Scratch(Inliner& inliner)
      : inliner(inliner), out(inliner.out_), was(inliner.scratch_), cores(inliner.core_instance_count_) {
    inliner.out_ = &thrown_away;
    inliner.scratch_ = true;
    inliner.modules_.swap(modules);
    inliner.path_.swap(path);
  }
  ~Scratch() {
    inliner.out_ = out;
    inliner.scratch_ = was;
    inliner.core_instance_count_ = cores;
    inliner.modules_.swap(modules);
    inliner.path_.swap(path);
  }
  Inliner& inliner;
  Program* out;
  bool was;
  std::uint32_t cores;
  Program thrown_away;
  std::unordered_map<const std::byte*, ModuleId> modules;
  std::vector<std::string_view> path;
};

}  // namespace crank::component::detail
