// Internal to this layer: owning pointers over the engine's C API, and the conversions between its types and ours.
#pragma once

#include <wasm.h>
#include <wasmtime.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crank/engine/types.h"

namespace crank::engine {

template <auto deleter>
struct DeleteWith {
  template <class T>
  void operator()(T* pointer) const noexcept {
    deleter(pointer);
  }
};
template <class T, auto deleter>
using Owned = std::unique_ptr<T, DeleteWith<deleter>>;

using OwnedError = Owned<wasmtime_error_t, wasmtime_error_delete>;
using OwnedFuncType = Owned<wasm_functype_t, wasm_functype_delete>;
using OwnedLinker = Owned<wasmtime_linker_t, wasmtime_linker_delete>;
using OwnedModule = Owned<wasmtime_module_t, wasmtime_module_delete>;
using OwnedFuture = Owned<wasmtime_call_future_t, wasmtime_call_future_delete>;

/// A byte vector of the C API, freed when it goes.
struct Bytes {
  wasm_byte_vec_t vec{};
  Bytes() = default;
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() {
    if (vec.data != nullptr) wasm_byte_vec_delete(&vec);
  }
  std::string_view view() const noexcept { return {vec.data, vec.size}; }
};

inline std::string_view view(const wasm_name_t* name) noexcept {
  return name == nullptr ? std::string_view() : std::string_view(name->data, name->size);
}
/// The engine's message; takes the error.
std::string message_of(wasmtime_error_t* error);

OwnedFuncType native_type(const FuncType& type);
FuncType from_native(const wasm_functype_t* type);
ExternType from_native(const wasm_externtype_t* type);

inline wasmtime_func_t native(const Func& f) noexcept { return {f.store, f.item}; }
inline Func from_native(const wasmtime_func_t& f) noexcept { return {f.store_id, f.__private}; }
wasmtime_extern_t native(const Extern& item) noexcept;
Extern from_native(const wasmtime_extern_t& item) noexcept;

}  // namespace crank::engine
