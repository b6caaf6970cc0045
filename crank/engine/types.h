// The words of core WebAssembly as this layer speaks them: value types, function types, what modules import and
// export, one raw slot for a value, and plain handles for the things that live in a store.
//
// A handle (Func, Memory, Table, Global, Tag) is a small trivially copyable value, valid as long as its store, and only
// with that store: using it with another one is a bug that ends the process. It owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crank::engine {

enum class ValType : std::uint8_t { i32, i64, f32, f64, v128, funcref, externref, other };

struct FuncType {
  std::vector<ValType> params;
  std::vector<ValType> results;
  /// How many RawVal slots a call needs: the longer of the two lists.
  std::size_t slots() const noexcept { return params.size() > results.size() ? params.size() : results.size(); }
  bool operator==(const FuncType&) const = default;
  /// "(i32, i64) -> (i32)"
  std::string to_string() const;
  /// Short form for C++ code: i = i32, I = i64, f = f32, F = f64, v = v128: `FuncType::of("iI", "i")`.
  static FuncType of(std::string_view params, std::string_view results);
};

enum class ExternKind : std::uint8_t { func = 0, global = 1, table = 2, memory = 3, shared_memory = 4, tag = 5 };
std::string_view name_of(ExternKind kind) noexcept;

/// What an import asks for or an export is. Only the members of its kind mean something.
struct ExternType {
  ExternKind kind = ExternKind::func;
  FuncType func;                         ///< func; of a tag, its params
  ValType value = ValType::i32;          ///< global: its type; table: its elements
  bool is_mutable = false;               ///< global
  std::uint64_t minimum = 0;             ///< memory: pages; table: elements
  std::optional<std::uint64_t> maximum;  ///< memory, table
  bool is_64 = false;                    ///< memory, table: indexed by i64
  bool shared = false;                   ///< memory
};

struct ImportType {
  std::string module;
  std::string name;
  ExternType type;
};
struct ExportType {
  std::string name;
  ExternType type;
};

/// One argument or result, untyped. Arguments lie in slots 0..params-1, results replace them in 0..results-1.
union RawVal {
  std::int32_t i32;
  std::uint32_t u32;
  std::int64_t i64;
  std::uint64_t u64;
  float f32;
  double f64;
  void* funcref;  ///< null, or what Store::func_to_raw gave
  alignas(8) unsigned char v128[16];
};
static_assert(sizeof(RawVal) == 16);

struct Func {
  std::uint64_t store = 0;
  void* item = nullptr;
  explicit operator bool() const noexcept { return store != 0; }
};
struct Memory {
  std::uint64_t store = 0;
  std::uint32_t item[2] = {};
  std::uint32_t item2 = 0;
  explicit operator bool() const noexcept { return store != 0; }
};
struct Table {
  std::uint64_t store = 0;
  std::uint32_t item[2] = {};
  std::uint32_t item2 = 0;
  explicit operator bool() const noexcept { return store != 0; }
};
struct Global {
  std::uint64_t store = 0;
  std::uint32_t item[4] = {};
  explicit operator bool() const noexcept { return store != 0; }
};
struct Tag {
  std::uint64_t store = 0;
  std::uint32_t item[4] = {};
  explicit operator bool() const noexcept { return store != 0; }
};

/// Any of the five: what an instance exports, and what another one in the same store is given as an import.
struct Extern {
  ExternKind kind = ExternKind::func;
  union {
    Func func;
    Global global;
    Table table;
    Memory memory;
    Tag tag;
  };
  Extern() noexcept : func() {}
  Extern(Func f) noexcept : kind(ExternKind::func), func(f) {}        // NOLINT: an Extern is any of them
  Extern(Global g) noexcept : kind(ExternKind::global), global(g) {}  // NOLINT
  Extern(Table t) noexcept : kind(ExternKind::table), table(t) {}     // NOLINT
  Extern(Memory m) noexcept : kind(ExternKind::memory), memory(m) {}  // NOLINT
  Extern(Tag t) noexcept : kind(ExternKind::tag), tag(t) {}           // NOLINT
};

}  // namespace crank::engine
