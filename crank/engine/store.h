// A store: the memories, tables, functions and instances of one executor group, and the calls into them.
//
// One thread at a time, whichever; who owns the store (an executor) sees to that. Nothing here locks.
//
//   turn on the thread:   store.call(f, v)                  12 ns, cannot suspend, cannot be preempted
//   turn on a fiber:      store.start(f, v) -> fiber.poll() see fiber.h; may wait, may be preempted
//   inside a host import: store.call(realloc, v)            30 ns, re-enters the same store
//
// Interruption. Every outermost call and every poll gets `slice` ticks. A guest that overstays is preempted if it is on
// a fiber and in no nested call; elsewhere it goes on, `overstayed` is called once, and after `hard_limit` ticks it gets
// an error with Code::deadline.
// Traps. A guest's trap is an Error with Code::trap, a sentence, and the guest's frames as its backtrace. A host function
// refuses with `return store.raise(error)`: that very Error comes out of the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "crank/base/result.h"
#include "crank/engine/engine.h"
#include "crank/engine/module.h"
#include "crank/engine/types.h"

struct wasm_trap_t;
struct wasmtime_caller;

namespace crank::engine {

class Store;
class Fiber;
class FiberRef;

/// The calling instance's view inside a host function. Only `Store::of` is done with it.
using Caller = ::wasmtime_caller;
/// Null: go on. Else what Store::raise returned.
using Trap = ::wasm_trap_t*;

/// A function of the host, as cheap as the engine can (6 ns): the engine calls it directly. `values` holds the arguments
/// on entry and the results on return. Must not throw. `env` is the pointer given with it.
using HostFunction = Trap (*)(void* env, Caller* caller, RawVal* values, std::size_t count) noexcept;

/// What a guest is told that took more than `limit` ticks for a turn: Code::deadline.
Error turn_over_limit(const Engine& engine, std::uint32_t limit);

/// What a function that may block answers.
enum class Step : std::uint8_t {
  ready,  ///< results are written
  wait,   ///< suspend this fiber; when it is polled again, the function is called again with `again` set
  trap,   ///< it has called Store::fail before
};
/// A host function that may block. First called with again = false. After Step::wait the fiber is suspended until polled,
/// then it is called again with the same arguments and again = true, as often as it answers wait. Off a fiber, and in a
/// nested call, Step::wait becomes a trap ("would block"): ask Store::can_suspend first if there is a better way.
using BlockingFunction = Step (*)(void* env, Store& store, RawVal* values, bool again) noexcept;

struct StoreOptions {
  void* user = nullptr;            ///< Store::user
  std::uint32_t slice = 10;        ///< ticks a turn may take before it is preempted or reported
  std::uint32_t hard_limit = 0;    ///< ticks after which an unpreemptible turn is ended; 0: never
  std::int64_t memory_bytes = -1;  ///< limit of each memory; -1: none
  std::int64_t table_elements = -1;
  std::int64_t instances = -1;  ///< core instances; -1: the engine's default of 10,000
  bool several_fibers =
      true;  ///< more than one suspended activation: on by default, refused if a module is collected()
  std::uint32_t idle_fibers = 8;  ///< fibers kept for the next start
  /// An unpreemptible turn has overstayed its slice (once a turn). Runs on the turn's thread, inside the guest's call:
  /// it may note and count, not call into the store.
  void (*overstayed)(void* user, Store& store) noexcept = nullptr;
  /// The same, at the end of each of its slices. False: the turn is ended, with Code::cancelled. Where `own_stack` (the
  /// thread's, no fiber's) it may run other work on top, other stores included.
  bool (*may_go_on)(void* user, Store& store, bool own_stack) noexcept = nullptr;
};

/// An instance of a core module: a handle, valid as long as its store.
struct Instance {
  std::uint64_t store = 0;
  std::size_t item = 0;
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> create(std::shared_ptr<Engine> engine, StoreOptions options = {});
  /// Everything in it goes. Its FiberRefs must be gone before.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  static Store& of(Caller* caller) noexcept;
  Engine& engine() const noexcept { return *engine_; }
  void* user() const noexcept { return options_.user; }
  void set_user(void* user) noexcept { options_.user = user; }
  const StoreOptions& options() const noexcept { return options_; }
  void set_slice(std::uint32_t slice, std::uint32_t hard_limit) noexcept;

  // ---- functions of the host ----
  /// A host function of that type. `env` must outlive the store.
  Func host_function(const FuncType& type, HostFunction function, void* env);
  /// A host function that may block: as cheap as the other while it answers Step::ready.
  Func blocking_function(const FuncType& type, BlockingFunction function, void* env);

  // ---- instances ----
  /// Runs on this thread; the module's start function cannot block. Externs in the order of module.imports(), from this store.
  /// Errors: Code::missing_import (count), Code::bad_type (an import does not fit), Code::limit, Code::trap (start, data, elements).
  Result<Instance> instantiate(const Module& module, std::span<const Extern> imports);
  /// What it exports under that name, if anything.
  std::optional<Extern> get(const Instance& instance, std::string_view name);
  /// The same, but of that kind: Code::missing_export or Code::bad_type otherwise.
  Result<Func> func(const Instance& instance, std::string_view name);
  Result<Memory> memory(const Instance& instance, std::string_view name);
  Result<Table> table(const Instance& instance, std::string_view name);
  Result<Global> global(const Instance& instance, std::string_view name);

  // ---- calls ----
  /// Calls it on this stack, now. `values`: at least FuncType::slots() slots, arguments in, results out. The types are not
  /// checked: a wrong count or type is undefined. Does not suspend and is not preempted.
  Result<> call(const Func& func, RawVal* values, std::size_t count);
  template <std::size_t N>
  Result<> call(const Func& func, RawVal (&values)[N]) {
    return call(func, values, N);
  }
  /// A fiber that is ready to call it at the first poll. Arguments are copied; `slots` as FuncType::slots().
  Result<FiberRef> start(const Func& func, std::span<const RawVal> arguments, std::size_t slots);

  // ---- what a host function may ask ----
  /// A fiber of this store is running and nothing in between forbids that it suspends.
  bool can_suspend() const noexcept { return top_ != nullptr && top_->fiber != nullptr; }
  /// The fiber that runs now, innermost, if it may suspend; else null.
  Fiber* current_fiber() const noexcept { return can_suspend() ? top_->fiber : nullptr; }
  /// Guest code of this store is on some stack right now (a call or a poll has not returned).
  bool entered() const noexcept { return top_ != nullptr; }
  /// Makes the running host function end its guest call with this error: `return store.raise(std::move(error));`.
  [[nodiscard]] Trap raise(Error error);
  /// raise for a BlockingFunction: `return store.fail(std::move(error));`.
  [[nodiscard]] Step fail(Error error);
  /// Suspends the running fiber, this host function's own frames included, until it is polled again, maybe on another
  /// thread: keep nothing thread-local across it. Code::bad_state where can_suspend() is false; Code::cancelled when the
  /// fiber is being dropped: then return `raise` of it at once. A BlockingFunction is the safer way to the same.
  Result<> suspend();

  // ---- things ----
  FuncType type_of(const Func& func) const;
  ExternType type_of(const Extern& item) const;
  /// The base never moves while the store lives; the size grows. After any guest call ask the size again.
  std::uint8_t* memory_base(const Memory& memory) const noexcept;
  std::size_t memory_size(const Memory& memory) const noexcept;
  std::span<std::uint8_t> memory_bytes(const Memory& memory) const noexcept {
    return {memory_base(memory), memory_size(memory)};
  }
  /// Number globals only (i32, i64, f32, f64).
  RawVal global_get(const Global& global) const noexcept;
  Result<> global_set(const Global& global, RawVal value);
  /// The function in that element: empty Func if null; Code::bad_argument if out of bounds or not a function table.
  Result<Func> table_get(const Table& table, std::uint64_t index) const;
  std::uint64_t table_size(const Table& table) const noexcept;
  void* func_to_raw(const Func& func) const noexcept;
  Func func_from_raw(void* raw) const noexcept;

  struct Native;  ///< only this layer's sources know what is in there
  Native& native() noexcept { return *native_; }

 private:
  friend class Fiber;
  friend struct StoreAccess;
  /// One entry of the guest. Entries of a fiber that is not running are not in this list.
  struct Activation {
    Activation* outer = nullptr;
    Fiber* fiber = nullptr;  ///< set only if this entry is the fiber's own, so that it may suspend
  };
  explicit Store(std::shared_ptr<Engine> engine, StoreOptions options);

  std::shared_ptr<Engine> engine_;
  StoreOptions options_;
  Activation* top_ = nullptr;
  std::unique_ptr<Native> native_;
};

}  // namespace crank::engine
