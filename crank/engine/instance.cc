// Instantiation and what instances export.
#include "crank/base/check.h"
#include "crank/engine/store_native.h"

namespace crank::engine {

namespace {

static_assert(sizeof(Instance) == sizeof(wasmtime_instance_t));

Error instantiation_error(Store& store, wasmtime_error_t* error, wasm_trap_t* trap) {
  // A start function that trapped is an error of the engine with frames; an import that does not fit has none.
  if (trap != nullptr || store.native().pending) return take_error(store, error, trap);
  wasm_frame_vec_t frames{};
  wasmtime_error_wasm_trace(error, &frames);
  bool ran = frames.size != 0;
  wasm_frame_vec_delete(&frames);
  if (ran) return take_error(store, error, trap);
  std::string message = message_of(error);
  bool type = message.find("incompatible import type") != std::string::npos ||
              message.find("types incompatible") != std::string::npos;
  bool limit = message.find("limit") != std::string::npos || message.find("maximum") != std::string::npos;
  return Error(type ? Code::bad_type : limit ? Code::limit : Code::trap, concat("instantiating a module: ", message));
}

}  // namespace

Result<wasmtime_instance_t> StoreAccess::instantiate_async(Store& store, wasmtime_call_future_t* future,
                                                           wasmtime_instance_t& instance, wasm_trap_t*& trap,
                                                           wasmtime_error_t*& error) {
  OwnedFuture owned(future);
  // It cannot suspend: nothing in it is the fiber's own entry, so a blocking import traps and a slice does not end it.
  CRANK_CHECK(wasmtime_call_future_poll(future), "an instantiation was suspended");
  owned.reset();
  if (error != nullptr || trap != nullptr) return std::unexpected(instantiation_error(store, error, trap));
  return instance;
}

Result<Instance> Store::instantiate(const Module& module, std::span<const Extern> imports) {
  const auto& types = module.imports();
  if (imports.size() != types.size())
    return crank::fail(Code::missing_import, concat("instantiating a module: it has ", types.size(), " imports, ",
                                                    imports.size(), " were given"));
  if (native_->active_fibers > 1 && module.collected())
    return crank::fail(Code::unsupported,
                       "instantiating a module with collected types in a store with several suspended fibers");

  NativeStack& stack = current_stack();
  ++stack.depth;
  Activation activation{top_, nullptr};
  if (top_ == nullptr) StoreAccess::begin_slice(*this);
  top_ = &activation;
  struct Leave {
    Store& store;
    NativeStack& stack;
    Activation& activation;
    ~Leave() {
      store.top_ = activation.outer;
      --stack.depth;
    }
  } leave{*this, stack, activation};

  wasmtime_instance_t instance{};
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  if (!native_->asynchronous) {
    std::vector<wasmtime_extern_t> externs;
    externs.reserve(imports.size());
    for (const Extern& item : imports) externs.push_back(engine::native(item));
    error = wasmtime_instance_new(native_->context, module.native(), externs.data(), externs.size(), &instance, &trap);
    if (error != nullptr || trap != nullptr) return std::unexpected(instantiation_error(*this, error, trap));
  } else {
    // The engine has no asynchronous instantiation from a list, so the imports go by their names. Imports of one name
    // are one thing in the component model, too: whoever links by name gives the same twice.
    OwnedLinker linker(wasmtime_linker_new(engine_->native().engine.get()));
    wasmtime_linker_allow_shadowing(linker.get(), true);
    for (std::size_t i = 0; i < imports.size(); ++i) {
      wasmtime_extern_t item = engine::native(imports[i]);
      if (wasmtime_error_t* e =
              wasmtime_linker_define(linker.get(), native_->context, types[i].module.data(), types[i].module.size(),
                                     types[i].name.data(), types[i].name.size(), &item))
        return crank::fail(Code::bad_argument, concat("instantiating a module: ", message_of(e)));
    }
    CRANK_TRY(instance, StoreAccess::instantiate_async(
                            *this,
                            wasmtime_linker_instantiate_async(linker.get(), native_->context, module.native(),
                                                              &instance, &trap, &error),
                            instance, trap, error));
  }
  native_->collected = native_->collected || module.collected();
  Instance out;
  static_assert(sizeof out == sizeof instance);
  __builtin_memcpy(&out, &instance, sizeof out);
  return out;
}

std::optional<Extern> Store::get(const Instance& instance, std::string_view name) {
  wasmtime_extern_t item;
  auto* raw = reinterpret_cast<const wasmtime_instance_t*>(&instance);
  if (!wasmtime_instance_export_get(native_->context, raw, name.data(), name.size(), &item)) return std::nullopt;
  Extern out = from_native(item);
  if (out.kind == ExternKind::shared_memory) wasmtime_extern_delete(&item);
  return out;
}

namespace {

Result<Extern> get_kind(Store& store, const Instance& instance, std::string_view name, ExternKind kind) {
  std::optional<Extern> item = store.get(instance, name);
  if (!item) return fail(Code::missing_export, concat("the instance exports no ", name_of(kind), " \"", name, "\""));
  if (item->kind != kind)
    return fail(Code::bad_type, concat("the export \"", name, "\" is a ", name_of(item->kind), ", a ", name_of(kind),
                                       " was looked for"));
  return *item;
}

}  // namespace

Result<Func> Store::func(const Instance& instance, std::string_view name) {
  CRANK_TRY(Extern item, get_kind(*this, instance, name, ExternKind::func));
  return item.func;
}
Result<Memory> Store::memory(const Instance& instance, std::string_view name) {
  CRANK_TRY(Extern item, get_kind(*this, instance, name, ExternKind::memory));
  return item.memory;
}
Result<Table> Store::table(const Instance& instance, std::string_view name) {
  CRANK_TRY(Extern item, get_kind(*this, instance, name, ExternKind::table));
  return item.table;
}
Result<Global> Store::global(const Instance& instance, std::string_view name) {
  CRANK_TRY(Extern item, get_kind(*this, instance, name, ExternKind::global));
  return item.global;
}

}  // namespace crank::engine
