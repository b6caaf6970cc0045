// The static form of a component: everything that can be known before it is instantiated, with all nesting gone.
//
//   bytes --decode--> sections --inline--> Program --prepare(engine)--> Blueprint --instantiate--> Root
//
// Decoding plays the instantiation of every nested component symbolically. What remains is a list of component
// instances, a linear list of steps that create core instances and define resources in the order the binary asks for,
// and tables of the lifts, host trampolines and options they mention. Nothing here knows the engine. A Program is
// immutable and shared by every root made from it. Sources: Binary.md, Explainer.md of the pinned commit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/types.h"

namespace crank::component {

class TypeArena;

enum class InstanceId : std::uint32_t {};      ///< a component instance: index into Program::instances
enum class CoreInstanceId : std::uint32_t {};  ///< a core instance: order of its InstantiateModule step
enum class ModuleId : std::uint32_t {};        ///< index into Program::modules
enum class LiftId : std::uint32_t {};          ///< index into Program::lifts
enum class TrampolineId : std::uint32_t {};    ///< index into Program::trampolines
enum class OptionsId : std::uint32_t {};       ///< index into Program::options
enum class ImportId : std::uint32_t {};        ///< a function the root imports: index into Program::imports
enum class GroupId : std::uint32_t {};         ///< an executor group (DESIGN, C1): index into Program::groups

constexpr auto index(auto id) { return static_cast<std::uint32_t>(id); }

enum class CoreSort : std::uint8_t { func, table, memory, global, tag };

/// A core definition: an export of a core instance, or (functions only) a trampoline of the host.
struct CoreDef {
  CoreSort sort = CoreSort::func;
  bool is_trampoline = false;
  std::uint32_t index = 0;  ///< CoreInstanceId, or TrampolineId
  std::string name;         ///< export name; empty for a trampoline
};

enum class StringEncoding : std::uint8_t { utf8, utf16, latin1_utf16 };

/// canonopts of one lift, lower or built-in.
struct Options {
  StringEncoding encoding = StringEncoding::utf8;
  bool async_ = false;
  std::optional<CoreDef> memory, realloc, post_return, callback;
};

/// Where a component-level function comes from once nesting is gone.
struct FuncSource {
  enum Kind : std::uint8_t { lifted, imported } kind = lifted;
  std::uint32_t index = 0;  ///< LiftId or ImportId
};

/// `canon lift`: a component-level function made of a core function of `instance`.
struct Lift {
  InstanceId instance{};
  CoreDef core;
  const FuncType* type = nullptr;
  OptionsId options{};
  std::string name;  ///< the first export name it got, for messages; may be empty
};

/// Every canonical built-in and `canon lower`, spelt as the specification spells them.
enum class Builtin : std::uint8_t {
  lower,
  resource_new,
  resource_drop,
  resource_rep,
  backpressure_inc,
  backpressure_dec,
  task_return,
  task_cancel,
  context_get,
  context_set,
  waitable_set_new,
  waitable_set_wait,
  waitable_set_poll,
  waitable_set_drop,
  waitable_join,
  subtask_cancel,
  subtask_drop,
  stream_new,
  stream_read,
  stream_write,
  stream_cancel_read,
  stream_cancel_write,
  stream_drop_readable,
  stream_drop_writable,
  future_new,
  future_read,
  future_write,
  future_cancel_read,
  future_cancel_write,
  future_drop_readable,
  future_drop_writable,
  error_context_new,
  error_context_debug_message,
  error_context_drop,
  thread_yield,
  thread_index,
  thread_new_indirect,
  thread_resume_later,
  thread_suspend,
  thread_suspend_then_resume,
  thread_suspend_then_promote,
  thread_yield_then_resume,
  thread_yield_then_promote,
};
std::string_view name_of(Builtin) noexcept;

/// A core function the host provides to `instance`.
struct Trampoline {
  Builtin op{};
  InstanceId instance{};
  OptionsId options{};                 ///< lower, task.return, copies, waitable-set.*, error-context.* (else unused)
  const FuncType* function = nullptr;  ///< lower
  FuncSource callee{};                 ///< lower
  TypeRef type = nullptr;        ///< stream/future built-ins: the stream or future type; task.return: result or null
  ResourceId resource{};         ///< resource.*
  std::uint32_t immediate = 0;   ///< context.get/set: slot; thread.new-indirect: core function type index
  bool wide = false;             ///< context.get/set on i64
  bool async_ = false;           ///< subtask.cancel, stream/future read, write, cancel
  bool cancellable = false;      ///< waitable-set.wait/poll, thread.yield/suspend…
  std::optional<CoreDef> table;  ///< thread.new-indirect
  std::vector<CoreType> params, results;  ///< its core signature
};

/// One resource type of the root; generative, so each instantiation of a defining component has its own.
struct Resource {
  std::string name;                    ///< for messages
  std::optional<InstanceId> instance;  ///< the implementing instance; none: imported from outside the root
  std::optional<CoreDef> destructor;
  std::string import_interface, import_name;  ///< for imported ones
};

struct Instance {
  std::string name;  ///< export, import or binary name, for messages; "root" for the outermost
  std::optional<InstanceId> parent;
  std::optional<GroupId> group;  ///< none: holds no core code
};

struct Group {
  std::vector<InstanceId> instances;
  bool may_block =
      false;  ///< imports a built-in that needs a fiber to wait (DESIGN, C4; sync subtask.cancel does not count)
};

/// A named argument of a core instantiation: a whole core instance, or definitions one by one.
struct CoreArgument {
  std::string name;
  std::optional<CoreInstanceId> instance;
  std::vector<std::pair<std::string, CoreDef>> definitions;
};

struct InstantiateModule {
  InstanceId instance{};
  ModuleId module{};
  std::vector<CoreArgument> arguments;
};
struct DefineResource {
  ResourceId resource{};
};
using Step = std::variant<InstantiateModule, DefineResource>;

/// A function that must be provided from outside: `interface` is the instance import it stands in ("" at top level).
struct Import {
  std::string interface, name;
  const FuncType* type = nullptr;
};

struct Export;
/// What a name of the root's export (or of an exported instance) stands for.
struct ExportItem {
  enum Kind : std::uint8_t { function, instance, type, resource, module, component } kind = function;
  FuncSource function_source{};
  const FuncType* function_type = nullptr;
  TypeRef value_type = nullptr;
  ResourceId resource_id{};
  std::vector<Export> exports;  ///< of an instance, in order
};
struct Export {
  std::string name;
  ExportItem item;
};

struct Program {
  std::shared_ptr<TypeArena> types;
  std::shared_ptr<const std::vector<std::byte>> binary;  ///< the modules below point into it
  std::vector<std::span<const std::byte>> modules;       ///< static core modules, each once
  std::vector<Instance> instances;                       ///< [0] is the root component's own instance
  std::vector<Group> groups;
  std::vector<Step> steps;
  std::vector<Lift> lifts;
  std::vector<Trampoline> trampolines;
  std::vector<Options> options;
  std::vector<Resource> resources;
  std::vector<Import> imports;
  std::vector<Export> exports;
  std::vector<Export> import_items;  ///< what is asked for, by name and in order; functions in it point into `imports`
  std::string name;                  ///< component name section, or empty
  /// Not empty: why it may be looked at but not instantiated (it imports core modules or components from outside).
  /// Then some modules are empty, and functions made up. Refuse with Code::unsupported and this sentence.
  std::string not_instantiable;
};

/// Limits of decoding; all have defaults that real components stay far below.
struct DecodeLimits {
  std::size_t max_bytes = 256u << 20;
  std::uint32_t max_nesting = 64;        ///< components inside each other, instantiations inside each other, type depth
  std::uint32_t max_instances = 10'000;  ///< after inlining
  std::uint32_t max_items = 1'000'000;   ///< definitions in the binary; and again, all that inlining makes of them
};

/// Decodes and inlines a component binary. Bad input gets Code::bad_binary with byte offset and reason; a core module
/// gets Code::bad_type and says so; features out of scope get Code::unsupported. Never crashes, never runs guest code.
/// This is not a validator: the engine's gate runs beside it (Blueprint), and every index is still checked here.
Result<std::shared_ptr<const Program>> decode(std::span<const std::byte> binary, const DecodeLimits& limits = {});

/// Finds an export: "foo", or "ns:pkg/iface@1.2.3#foo" for a member of an exported instance; null if there is none.
const ExportItem* find_export(const Program& program, std::string_view path);

/// The type in WIT notation, for messages and `crank inspect`.
std::string to_string(TypeRef type, const Program& program);
std::string to_string(const FuncType& type, const Program& program);

}  // namespace crank::component
