// Component-level types and their canonical layout. Types are immutable, interned and owned by the TypeArena of the
// Program they came from: two structurally equal types of one Program are the same pointer, so equality is `==`.
// A resource inside a type is a ResourceId of that Program; comparing types of two Programs needs a resource mapping
// (crank/component/match.h). Sources: CanonicalABI.md, "Alignment", "Element Size", "Flattening".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crank::component {

enum class TypeKind : std::uint8_t {
  bool_,
  s8,
  u8,
  s16,
  u16,
  s32,
  u32,
  s64,
  u64,
  f32,
  f64,
  char_,
  string,
  error_context,
  list,
  fixed_list,
  map,
  record,
  tuple,
  variant,
  enum_,
  option,
  result,
  flags,
  own,
  borrow,
  stream,
  future,
};

/// The specification's word for a kind: "u32", "fixed-length list", "error-context" …
std::string_view name_of(TypeKind) noexcept;

enum class CoreType : std::uint8_t { i32, i64, f32, f64 };
std::string_view name_of(CoreType) noexcept;

/// Which resource of a Program: an index into Program::resources.
enum class ResourceId : std::uint32_t {};

struct Type;
using TypeRef = const Type*;

/// A record field, tuple element, variant/enum/option/result case, flag label or function parameter.
struct Field {
  std::string name;          ///< empty for tuple elements; option: "none","some"; result: "ok","error"
  TypeRef type = nullptr;    ///< null: a case, label or result without payload
  std::uint32_t offset = 0;  ///< in memory, from the start of the aggregate (cases: unused, see Type::payload_offset)
};

/// A flattened list of core values; `overflow` says it did not fit MAX_FLAT_PARAMS (16) and goes through memory.
struct FlatTypes {
  static constexpr std::uint32_t max = 16;
  std::array<CoreType, max> types{};
  std::uint8_t count = 0;
  bool overflow = false;
  std::span<const CoreType> span() const { return {types.data(), count}; }
  /// Appends `other`; past `max` only `overflow` is remembered.
  void append(const FlatTypes& other);
  void append(CoreType type);
};

struct Type {
  TypeKind kind{};
  std::vector<Field> fields;  ///< record, tuple, variant, enum_, option, result, flags
  TypeRef element = nullptr;  ///< list, fixed_list; stream, future (null: no payload); map: a tuple<key, value>
  std::uint32_t length = 0;   ///< fixed_list
  ResourceId resource{};      ///< own, borrow

  // Canonical ABI for 32-bit memories, computed once when interned.
  std::uint32_t size = 0;
  std::uint32_t alignment = 1;
  std::uint32_t discriminant_size = 0;  ///< variant-like: 1, 2 or 4
  std::uint32_t payload_offset = 0;     ///< variant-like
  FlatTypes flat;
  /// Element size and alignment under the i64 ABI, saturating at 2^32-1: what the limit of 2^28 bytes is stated in.
  std::uint32_t wide_size = 0;
  std::uint32_t wide_alignment = 1;
  std::uint16_t depth = 1;    ///< 1 for scalars, strings and handles; else one more than the deepest part
  bool numeric = false;       ///< integers and floats of one width only: bytes may be copied unchecked (s8…f64)
  bool has_pointers = false;  ///< contains string, list or map: needs memory and (to lower) realloc
  bool has_handles = false;   ///< contains own, borrow, stream, future or error-context
  bool has_borrow = false;
};

/// A component-level function type with what `canon lift`/`canon lower` make of it.
struct FuncType {
  std::vector<Field> params;  ///< offsets are those of the parameter tuple in memory
  TypeRef result = nullptr;   ///< null: no result
  bool async_ = false;        ///< declared `async` (an async-typed function); else sync-typed
  FlatTypes flat_params;      ///< overflow: one pointer to a tuple of `params_size`, `params_alignment`
  FlatTypes flat_result;
  std::uint32_t params_size = 0;
  std::uint32_t params_alignment = 1;
  bool params_have_pointers = false;  ///< some parameter contains a string, list or map
};

}  // namespace crank::component
