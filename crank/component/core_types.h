// Types of the core language, as far as linking asks about them: what core modules import and export, whether one
// definition fits where another type is wanted, and reading all that from a module without validating its code.
// The engine compiles and validates modules; this is what lets the decoder check lifts and linking on its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crank/component/program.h"
#include "crank/component/reader.h"

namespace crank::component::detail {

/// A core value type: its byte for numbers and vectors; for references the abstract heap type and nullability. Types
/// that refer to a type index are all `unknown`, which fits everything: the engine decides there.
struct CoreVal {
  std::uint16_t code = 0;
  static constexpr std::uint16_t unknown = 0xffff;
  friend bool operator==(CoreVal a, CoreVal b) { return a.code == b.code || a.code == unknown || b.code == unknown; }
};
constexpr CoreVal core_val(CoreType type) { return {static_cast<std::uint16_t>(0x7f - static_cast<int>(type))}; }
std::string to_string(CoreVal type);

struct CoreFuncType {
  std::vector<CoreVal> params, results;
  bool known = true;  ///< false: not a plain function type; fits everything
};
bool same(const CoreFuncType& a, const CoreFuncType& b);
/// "(func (param i32 i32) (result i32))".
std::string to_string(const CoreFuncType& type);

struct CoreLimits {
  std::uint64_t min = 0;
  std::optional<std::uint64_t> max;
  bool shared = false, wide = false;
  std::uint32_t page_bits = 16;
};

/// The type of a core definition. Functions and tags by index while read, by pointer once resolved.
struct CoreExtern {
  CoreSort sort{};
  std::uint32_t type_index = 0;
  const CoreFuncType* func = nullptr;  ///< func, tag; null: unknown
  CoreVal value;                       ///< table: element; global: content
  bool known = true;                   ///< false: only its sort is known
  bool mutable_ = false;               ///< global
  CoreLimits limits;                   ///< table, memory
};

/// What a core module, or a module type, imports and exports.
struct CoreInterface {
  struct Import {
    std::string_view module, name;
    CoreExtern type;
  };
  std::vector<Import> imports;
  std::unordered_map<std::string_view, CoreExtern> exports;
  bool known = true;                ///< false: the module could not be read; nothing about it is checked here
  std::vector<CoreFuncType> types;  ///< of a reflected module: what the pointers point at
};

/// Empty if `given` fits where `wanted` is asked for, else a sentence.
std::string misfit(const CoreExtern& given, const CoreExtern& wanted);
/// The same for a module where a module type is wanted: it may import less and export more.
std::string misfit(const CoreInterface& given, const CoreInterface& wanted);

CoreVal read_core_val(Reader& in);
CoreLimits read_core_limits(Reader& in);
CoreExtern read_core_extern(Reader& in);
/// One recursion group or single type, appended to `out`; structs, arrays and types with supertypes become unknown.
void read_core_types(Reader& in, std::vector<CoreFuncType>& out);

/// Reads the sections of a module that say what it imports and exports.
CoreInterface reflect(std::span<const std::byte> module);

}  // namespace crank::component::detail
