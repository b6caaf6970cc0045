#include "crank/engine/store.h"

#include "crank/base/check.h"
#include "crank/engine/store_native.h"

namespace crank::engine {

thread_local constinit NativeStack* current_stack_of_thread = nullptr;

// Not inlined: a frame that is continued by another thread must not use the first thread's address of the variable.
[[gnu::noinline]] NativeStack& current_stack() noexcept {
  static thread_local constinit NativeStack root;
  if (current_stack_of_thread == nullptr) current_stack_of_thread = &root;
  return *current_stack_of_thread;
}

namespace {

// At the end of a slice (engine thread: the guest's). Rules: a fiber's own entry is preempted; anything else goes on,
// reported once, until the hard limit ends it.
wasmtime_error_t* slice_is_over(const wasmtime_context_t*, void* data, std::uint64_t* delta,
                                wasmtime_update_deadline_kind_t* kind) {
  auto& store = *static_cast<Store*>(data);
  Store::Native& native = store.native();
  native.deadline_set = ~std::uint64_t{0};  // what is answered here moves it
  const StoreOptions& options = store.options();
  std::uint64_t slice = options.slice == 0 ? 1 : options.slice;
  if (Fiber* fiber = StoreAccess::top_fiber(store); fiber != nullptr && fiber->preemptible) {
    *delta = slice;
    *kind = WASMTIME_UPDATE_DEADLINE_YIELD;
    return nullptr;
  }
  std::uint64_t taken = store.engine().epoch() - native.turn_started;
  if (options.hard_limit != 0 && taken >= options.hard_limit) {
    native.pending = turn_over_limit(store.engine(), options.hard_limit);
    return wasmtime_error_new("over the hard limit");
  }
  if (!native.overstayed) {
    native.overstayed = true;
    if (options.overstayed != nullptr) options.overstayed(options.user, store);
  }
  if (options.may_go_on != nullptr && !options.may_go_on(options.user, store, !current_stack().fiber)) {
    native.pending = Error(Code::cancelled, "the guest was ended in the middle of a long turn, because its root was");
    return wasmtime_error_new("ended");
  }
  *delta = options.hard_limit == 0 || options.hard_limit - taken > slice ? slice : options.hard_limit - taken;
  *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
  return nullptr;
}

}  // namespace

Error turn_over_limit(const Engine& engine, std::uint32_t limit) {
  const auto allowed = std::chrono::duration_cast<std::chrono::milliseconds>(limit * engine.options().tick);
  return Error(Code::deadline, concat("the guest computed for the ", allowed.count(),
                                      " ms it may without a pause; if that is right, raise its limit or let it yield"));
}

namespace {

struct Blocking {
  BlockingFunction function;
  void* env;
};

wasm_trap_t* run_blocking(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* raw, std::size_t) noexcept {
  const Blocking& blocking = *static_cast<Blocking*>(env);
  Store& store = Store::of(caller);
  auto* values = reinterpret_cast<RawVal*>(raw);
  for (bool again = false;; again = true) {
    switch (blocking.function(blocking.env, store, values, again)) {
      case Step::ready: return nullptr;
      case Step::trap: return wasmtime_trap_new_code(WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED);
      case Step::wait: break;
    }
    if (!store.can_suspend())
      return store.raise(Error(Code::trap,
                               "the guest called a function that would block, where it must not: it is not on a fiber, "
                               "or inside a nested call"));
    if (auto resumed = store.suspend(); !resumed) return store.raise(std::move(resumed).error());
  }
}

}  // namespace

void StoreAccess::begin_slice(Store& store) noexcept {
  Store::Native& native = *store.native_;
  native.turn_started = store.engine_->epoch();
  native.overstayed = false;
  // Many short turns begin in one tick: the deadline they would set is there already.
  if (native.turn_started == native.deadline_set || !store.engine_->options().epochs) [[likely]]
    return;
  native.deadline_set = native.turn_started;
  wasmtime_context_set_epoch_deadline(native.context, store.options_.slice == 0 ? 1 : store.options_.slice);
}

Store::Store(std::shared_ptr<Engine> engine, StoreOptions options)
    : engine_(std::move(engine)), options_(options), native_(std::make_unique<Native>()) {}

Result<std::unique_ptr<Store>> Store::create(std::shared_ptr<Engine> engine, StoreOptions options) {
  std::unique_ptr<Store> store(new Store(std::move(engine), options));
  Native& native = *store->native_;
  native.store.reset(wasmtime_store_new(store->engine_->native().engine.get(), store.get(), nullptr));
  native.context = wasmtime_store_context(native.store.get());
  wasmtime_store_limiter(native.store.get(), options.memory_bytes, options.table_elements, options.instances, -1, -1);
  if (store->engine_->options().epochs) {
    wasmtime_store_epoch_deadline_callback(native.store.get(), slice_is_over, store.get(), nullptr);
    StoreAccess::begin_slice(*store);
  }
  return store;
}

Store::~Store() {
  CRANK_CHECK(native_->live_fibers == 0, "a store was destroyed before ", native_->live_fibers, " of its fibers");
  CRANK_CHECK(top_ == nullptr, "a store was destroyed while its guest code was running");
  native_->idle.clear();
}

void Store::set_slice(std::uint32_t slice, std::uint32_t hard_limit) noexcept {
  options_.slice = slice;
  options_.hard_limit = hard_limit;
  native_->deadline_set = ~std::uint64_t{0};
}

Store& Store::of(Caller* caller) noexcept {
  return *static_cast<Store*>(wasmtime_context_get_data(wasmtime_caller_context(caller)));
}

Func Store::host_function(const FuncType& type, HostFunction function, void* env) {
  wasmtime_func_t out;
  // RawVal is wasmtime_val_raw_t by layout (types.cc), so the engine may call the function as it is.
  wasmtime_func_new_unchecked(native_->context, native_type(type).get(),
                              reinterpret_cast<wasmtime_func_unchecked_callback_t>(function), env, nullptr, &out);
  return from_native(out);
}

Func Store::blocking_function(const FuncType& type, BlockingFunction function, void* env) {
  wasmtime_func_t out;
  wasmtime_func_new_unchecked(
      native_->context, native_type(type).get(), run_blocking, new Blocking{function, env},
      [](void* e) { delete static_cast<Blocking*>(e); }, &out);
  return from_native(out);
}

Trap Store::raise(Error error) {
  native_->pending = std::move(error);
  return wasmtime_trap_new_code(WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED);
}

Step Store::fail(Error error) {
  native_->pending = std::move(error);
  return Step::trap;
}

Result<> Store::call(const Func& func, RawVal* values, std::size_t count) {
  NativeStack& stack = current_stack();
  unsigned limit = stack.fiber ? engine_->nested_entries() : 2 * engine_->nested_entries();
  if (stack.depth >= limit) [[unlikely]]
    return crank::fail(Code::limit, concat("calling the guest: host and guest call each other ", stack.depth,
                                           " deep on this stack already"));
  ++stack.depth;
  Activation activation{top_, nullptr};
  if (top_ == nullptr) StoreAccess::begin_slice(*this);
  top_ = &activation;
  wasm_trap_t* trap = nullptr;
  wasmtime_func_t raw = engine::native(func);
  wasmtime_error_t* error = StoreAccess::raw_call(*this, raw, values, count, &trap);
  top_ = activation.outer;
  --stack.depth;
  if (error != nullptr || trap != nullptr) [[unlikely]]
    return std::unexpected(take_error(*this, error, trap));
  return {};
}

FuncType Store::type_of(const Func& func) const {
  wasmtime_func_t raw = engine::native(func);
  return from_native(OwnedFuncType(wasmtime_func_type(native_->context, &raw)).get());
}

ExternType Store::type_of(const Extern& item) const {
  wasmtime_extern_t raw = engine::native(item);
  Owned<wasm_externtype_t, wasm_externtype_delete> type(wasmtime_extern_type(native_->context, &raw));
  return from_native(type.get());
}

std::uint8_t* Store::memory_base(const Memory& memory) const noexcept {
  return wasmtime_memory_data(native_->context, reinterpret_cast<const wasmtime_memory_t*>(&memory));
}

std::size_t Store::memory_size(const Memory& memory) const noexcept {
  return wasmtime_memory_data_size(native_->context, reinterpret_cast<const wasmtime_memory_t*>(&memory));
}

RawVal Store::global_get(const Global& global) const noexcept {
  wasmtime_val_t value;
  wasmtime_global_get(native_->context, reinterpret_cast<const wasmtime_global_t*>(&global), &value);
  RawVal out{};
  switch (value.kind) {
    case WASMTIME_I32: out.i32 = value.of.i32; break;
    case WASMTIME_I64: out.i64 = value.of.i64; break;
    case WASMTIME_F32: out.f32 = value.of.f32; break;
    case WASMTIME_F64: out.f64 = value.of.f64; break;
    default: wasmtime_val_unroot(&value);
  }
  return out;
}

Result<> Store::global_set(const Global& global, RawVal in) {
  auto* raw = reinterpret_cast<const wasmtime_global_t*>(&global);
  ExternType type = type_of(Extern(global));
  wasmtime_val_t value{};
  switch (type.value) {
    case ValType::i32: value.kind = WASMTIME_I32, value.of.i32 = in.i32; break;
    case ValType::i64: value.kind = WASMTIME_I64, value.of.i64 = in.i64; break;
    case ValType::f32: value.kind = WASMTIME_F32, value.of.f32 = in.f32; break;
    case ValType::f64: value.kind = WASMTIME_F64, value.of.f64 = in.f64; break;
    default: return crank::fail(Code::bad_type, "setting a global: only globals of numbers can be set");
  }
  if (wasmtime_error_t* error = wasmtime_global_set(native_->context, raw, &value))
    return crank::fail(Code::bad_argument, concat("setting a global: ", message_of(error)));
  return {};
}

Result<Func> Store::table_get(const Table& table, std::uint64_t index) const {
  wasmtime_val_t value;
  if (!wasmtime_table_get(native_->context, reinterpret_cast<const wasmtime_table_t*>(&table), index, &value))
    return crank::fail(Code::bad_argument,
                       concat("reading a table: element ", index, " is beyond its ", table_size(table)));
  if (value.kind != WASMTIME_FUNCREF) {
    wasmtime_val_unroot(&value);
    return crank::fail(Code::bad_argument, "reading a table: it does not hold functions");
  }
  return wasmtime_funcref_is_null(&value.of.funcref) ? Func() : from_native(value.of.funcref);
}

std::uint64_t Store::table_size(const Table& table) const noexcept {
  return wasmtime_table_size(native_->context, reinterpret_cast<const wasmtime_table_t*>(&table));
}

void* Store::func_to_raw(const Func& func) const noexcept {
  wasmtime_func_t raw = engine::native(func);
  return wasmtime_func_to_raw(native_->context, &raw);
}

Func Store::func_from_raw(void* raw) const noexcept {
  if (raw == nullptr) return {};
  wasmtime_func_t out;
  wasmtime_func_from_raw(native_->context, raw, &out);
  return from_native(out);
}

}  // namespace crank::engine
