// Internal: what a Store and a Fiber hold of the C API, and the bookkeeping of native stacks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "crank/engine/engine_native.h"
#include "crank/engine/fiber.h"
#include "crank/engine/store.h"

namespace crank::engine {

/// How deep guest entries are nested on one native stack: a thread's, or a fiber's. Which stack a thread is on changes
/// only inside Fiber::poll; code that runs on a fiber reads `current_stack` once and keeps the pointer, since the same
/// frame may go on under another thread.
struct NativeStack {
  unsigned depth = 0;
  bool fiber = false;
};
extern thread_local constinit NativeStack* current_stack_of_thread;
NativeStack& current_stack() noexcept;

struct Store::Native {
  Owned<wasmtime_store_t, wasmtime_store_delete> store;
  wasmtime_context_t* context = nullptr;
  /// What raise() put aside; taken by the innermost guest call, which the engine is unwinding to.
  std::optional<Error> pending;
  std::uint64_t turn_started = 0;                  // epoch
  std::uint64_t deadline_set = ~std::uint64_t{0};  // the epoch in which the engine's deadline was last set to one slice
  bool overstayed = false;
  bool collected = false;      // a module with collected types lives here
  bool asynchronous = false;   // the runner is here: the engine wants its asynchronous entries for instantiation
  unsigned active_fibers = 0;  // started and not done
  unsigned live_fibers = 0;    // with a FiberRef
  wasmtime_func_t run{};       // exports of the runner module
  wasmtime_func_t wait{};
  std::vector<std::unique_ptr<Fiber>> idle;
};

struct Fiber::Native {
  OwnedFuture future;
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  Store::Activation activation;
  NativeStack stack{0, true};
  bool proceed = false;   // the engine's poll asks: may the wait end? Set by our poll
  bool has_work = false;  // func_ is to be called
  bool parked = false;    // stands between two pieces of work
  bool waiting = false;   // stands in Store::suspend
  bool dropping = false;
  void* sanitizer_context = nullptr;
};

/// The way into private members for this layer's C callbacks.
struct StoreAccess {
  static Fiber* top_fiber(Store& store) noexcept { return store.top_ == nullptr ? nullptr : store.top_->fiber; }
  static Fiber::Native& native(Fiber& fiber) noexcept { return *fiber.native_; }
  static void run_work(Fiber& fiber) noexcept;
  static Result<> prepare_runner(Store& store);
  static void begin_slice(Store& store) noexcept;
  /// Entry without the guard of Store::call: the caller stays suspendable.
  static wasmtime_error_t* raw_call(Store& store, const wasmtime_func_t& func, RawVal* values, std::size_t count,
                                    wasm_trap_t** trap) {
    return wasmtime_func_call_unchecked(store.native_->context, &func, reinterpret_cast<wasmtime_val_raw_t*>(values),
                                        count, trap);
  }
  static Result<wasmtime_instance_t> instantiate_async(Store& store, wasmtime_call_future_t* future,
                                                       wasmtime_instance_t& instance, wasm_trap_t*& trap,
                                                       wasmtime_error_t*& error);
};

/// The error of a guest call that ended badly: the one raise() put aside, or the engine's in our words.
Error take_error(Store& store, wasmtime_error_t* error, wasm_trap_t* trap);

}  // namespace crank::engine
