#include "crank/engine/types.h"

#include <cstring>

#include "crank/base/check.h"
#include "crank/engine/wasmtime_api.h"

namespace crank::engine {

// Handles are passed to the engine as they are: their layouts are one.
static_assert(sizeof(RawVal) == sizeof(wasmtime_val_raw_t) && alignof(RawVal) == alignof(wasmtime_val_raw_t));
static_assert(sizeof(Func) == sizeof(wasmtime_func_t) && alignof(Func) == alignof(wasmtime_func_t));
static_assert(sizeof(Memory) == sizeof(wasmtime_memory_t) && alignof(Memory) == alignof(wasmtime_memory_t));
static_assert(sizeof(Table) == sizeof(wasmtime_table_t) && alignof(Table) == alignof(wasmtime_table_t));
static_assert(sizeof(Global) == sizeof(wasmtime_global_t) && alignof(Global) == alignof(wasmtime_global_t));
static_assert(sizeof(Tag) == sizeof(wasmtime_tag_t) && alignof(Tag) == alignof(wasmtime_tag_t));

namespace {

ValType from_native(const wasm_valtype_t* type) {
  wasmtime_valtype_t full;
  wasmtime_valtype_new(type, &full);
  ValType out = ValType::other;
  switch (full.kind) {
    case WASMTIME_VALTYPE_KIND_I32: out = ValType::i32; break;
    case WASMTIME_VALTYPE_KIND_I64: out = ValType::i64; break;
    case WASMTIME_VALTYPE_KIND_F32: out = ValType::f32; break;
    case WASMTIME_VALTYPE_KIND_F64: out = ValType::f64; break;
    case WASMTIME_VALTYPE_KIND_V128: out = ValType::v128; break;
    default:
      if (full.reftype.nullable && full.reftype.heaptype.kind == WASMTIME_HEAPTYPE_KIND_FUNC) out = ValType::funcref;
      if (full.reftype.nullable && full.reftype.heaptype.kind == WASMTIME_HEAPTYPE_KIND_EXTERN)
        out = ValType::externref;
  }
  wasmtime_valtype_delete(&full);
  return out;
}

wasm_valtype_vec_t native_list(const std::vector<ValType>& types) {
  wasm_valtype_vec_t out;
  wasm_valtype_vec_new_uninitialized(&out, types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    switch (types[i]) {
      case ValType::i32: out.data[i] = wasm_valtype_new(WASM_I32); break;
      case ValType::i64: out.data[i] = wasm_valtype_new(WASM_I64); break;
      case ValType::f32: out.data[i] = wasm_valtype_new(WASM_F32); break;
      case ValType::f64: out.data[i] = wasm_valtype_new(WASM_F64); break;
      case ValType::v128: out.data[i] = wasmtime_wasm_valtype_v128(); break;
      case ValType::funcref: out.data[i] = wasm_valtype_new(WASM_FUNCREF); break;
      case ValType::externref: out.data[i] = wasm_valtype_new(WASM_EXTERNREF); break;
      case ValType::other: CRANK_CHECK(false, "a host function cannot have a collected type in its signature");
    }
  }
  return out;
}

std::string_view name_of(ValType type) noexcept {
  constexpr std::string_view names[] = {"i32", "i64", "f32", "f64", "v128", "funcref", "externref", "reference"};
  return names[static_cast<unsigned>(type)];
}

std::vector<ValType> parse(std::string_view letters) {
  std::vector<ValType> out;
  for (char c : letters) {
    switch (c) {
      case 'i': out.push_back(ValType::i32); break;
      case 'I': out.push_back(ValType::i64); break;
      case 'f': out.push_back(ValType::f32); break;
      case 'F': out.push_back(ValType::f64); break;
      case 'v': out.push_back(ValType::v128); break;
      default: CRANK_CHECK(false, "FuncType::of knows the letters i I f F v, not ", c);
    }
  }
  return out;
}

std::string list(const std::vector<ValType>& types) {
  std::string out = "(";
  for (ValType type : types) {
    if (out.size() > 1) out += ", ";
    out += name_of(type);
  }
  return out + ")";
}

}  // namespace

std::string FuncType::to_string() const { return concat(list(params), " -> ", list(results)); }

FuncType FuncType::of(std::string_view params, std::string_view results) { return {parse(params), parse(results)}; }

std::string_view name_of(ExternKind kind) noexcept {
  constexpr std::string_view names[] = {"function", "global", "table", "memory", "shared memory", "tag"};
  return names[static_cast<unsigned>(kind)];
}

std::string message_of(wasmtime_error_t* error) {
  OwnedError owned(error);
  Bytes text;
  wasmtime_error_message(error, &text.vec);
  // A sentence, and below it "Caused by:" with numbered lines: outermost first, as one sentence.
  std::string out;
  for (std::string_view rest = text.view(); !rest.empty();) {
    const auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    const auto first = line.find_first_not_of(' ');
    if (first == line.npos || line == "Caused by:") continue;
    line.remove_prefix(first);
    if (const auto digits = line.find_first_not_of("0123456789"); digits != 0 && line.substr(digits).starts_with(": "))
      line.remove_prefix(digits + 2);
    out += concat(out.empty() ? "" : ": ", line);
  }
  return out;
}

OwnedFuncType native_type(const FuncType& type) {
  wasm_valtype_vec_t params = native_list(type.params);
  wasm_valtype_vec_t results = native_list(type.results);
  return OwnedFuncType(wasm_functype_new(&params, &results));
}

FuncType from_native(const wasm_functype_t* type) {
  FuncType out;
  const wasm_valtype_vec_t* params = wasm_functype_params(type);
  const wasm_valtype_vec_t* results = wasm_functype_results(type);
  for (std::size_t i = 0; i < params->size; ++i) out.params.push_back(from_native(params->data[i]));
  for (std::size_t i = 0; i < results->size; ++i) out.results.push_back(from_native(results->data[i]));
  return out;
}

ExternType from_native(const wasm_externtype_t* type) {
  ExternType out;
  switch (wasm_externtype_kind(type)) {
    case WASM_EXTERN_FUNC:
      out.kind = ExternKind::func;
      out.func = from_native(wasm_externtype_as_functype_const(type));
      break;
    case WASM_EXTERN_GLOBAL: {
      const wasm_globaltype_t* global = wasm_externtype_as_globaltype_const(type);
      out.kind = ExternKind::global;
      out.value = from_native(wasm_globaltype_content(global));
      out.is_mutable = wasm_globaltype_mutability(global) == WASM_VAR;
      break;
    }
    case WASM_EXTERN_TABLE: {
      const wasm_tabletype_t* table = wasm_externtype_as_tabletype_const(type);
      out.kind = ExternKind::table;
      out.value = from_native(wasm_tabletype_element(table));
      const wasm_limits_t* limits = wasm_tabletype_limits(table);
      out.minimum = limits->min;
      if (limits->max != wasm_limits_max_default) out.maximum = limits->max;
      break;
    }
    case WASM_EXTERN_MEMORY: {
      const wasm_memorytype_t* memory = wasm_externtype_as_memorytype_const(type);
      out.kind = ExternKind::memory;
      out.minimum = wasmtime_memorytype_minimum(memory);
      std::uint64_t maximum = 0;
      if (wasmtime_memorytype_maximum(memory, &maximum)) out.maximum = maximum;
      out.is_64 = wasmtime_memorytype_is64(memory);
      out.shared = wasmtime_memorytype_isshared(memory);
      break;
    }
    default:
      out.kind = ExternKind::tag;
      out.func = from_native(wasm_tagtype_functype(wasm_externtype_as_tagtype_const(type)));
  }
  return out;
}

wasmtime_extern_t native(const Extern& item) noexcept {
  wasmtime_extern_t out{};
  out.kind = static_cast<wasmtime_extern_kind_t>(item.kind);
  switch (item.kind) {
    case ExternKind::func: std::memcpy(&out.of.func, &item.func, sizeof item.func); break;
    case ExternKind::global: std::memcpy(&out.of.global, &item.global, sizeof item.global); break;
    case ExternKind::table: std::memcpy(&out.of.table, &item.table, sizeof item.table); break;
    case ExternKind::memory: std::memcpy(&out.of.memory, &item.memory, sizeof item.memory); break;
    case ExternKind::tag: std::memcpy(&out.of.tag, &item.tag, sizeof item.tag); break;
    case ExternKind::shared_memory: break;
  }
  return out;
}

Extern from_native(const wasmtime_extern_t& item) noexcept {
  Extern out;
  out.kind = static_cast<ExternKind>(item.kind);
  switch (out.kind) {
    case ExternKind::func: std::memcpy(&out.func, &item.of.func, sizeof out.func); break;
    case ExternKind::global: std::memcpy(&out.global, &item.of.global, sizeof out.global); break;
    case ExternKind::table: std::memcpy(&out.table, &item.of.table, sizeof out.table); break;
    case ExternKind::memory: std::memcpy(&out.memory, &item.of.memory, sizeof out.memory); break;
    case ExternKind::tag: std::memcpy(&out.tag, &item.of.tag, sizeof out.tag); break;
    case ExternKind::shared_memory: break;
  }
  return out;
}

}  // namespace crank::engine
