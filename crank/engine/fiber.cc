// Fibers, by way of runners. The engine can only suspend an asynchronous call, at an asynchronous import. So each fiber
// is one endless asynchronous call of a small module of ours:
//
//     run:  loop { call dispatch ; call wait }        wait: call wait
//
// `dispatch` (host) calls the function a fiber was given, plainly, on that stack; `wait` is the asynchronous import, and
// parks the fiber until it has work again. A host function in the middle of a guest suspends by calling the export
// `wait`, its own frames staying on the fiber. A new piece of work so costs one poll, not a new call.
//
// Rules. 1. Only poll() lets a fiber proceed; the import's continuation merely reports `proceed`. 2. Before the engine's
// poll the store's top_ and the thread's current stack are the fiber's, after it what they were. 3. `parked`, `waiting`
// and neither tell why the poll ended: no work, suspended by a host function, preempted.
#include "crank/engine/fiber.h"

#include "crank/base/check.h"
#include "crank/engine/store_native.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define CRANK_TSAN_FIBERS 1
#endif
#endif

namespace crank::engine {

namespace {

constexpr std::string_view runner_text = R"((module $crank_runner
  (import "crank" "dispatch" (func $dispatch))
  (import "crank" "wait" (func $wait))
  (func $run (export "run") (loop $again (call $dispatch) (call $wait) (br $again)))
  (func $suspend (export "wait") (call $wait))))";

wasm_trap_t* dispatch(void*, wasmtime_caller_t* caller, wasmtime_val_raw_t*, std::size_t) noexcept {
  Fiber* fiber = StoreAccess::top_fiber(Store::of(caller));
  StoreAccess::run_work(*fiber);
  if (StoreAccess::native(*fiber).dropping) return wasmtime_trap_new_code(WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED);
  StoreAccess::native(*fiber).parked = true;
  return nullptr;
}

void wait(void*, wasmtime_caller_t* caller, const wasmtime_val_t*, std::size_t, wasmtime_val_t*, std::size_t,
          wasm_trap_t**, wasmtime_async_continuation_t* continuation) {
  Fiber::Native& native = StoreAccess::native(*StoreAccess::top_fiber(Store::of(caller)));
  native.proceed = false;
  continuation->env = &native;
  continuation->finalizer = nullptr;
  continuation->callback = [](void* env) { return static_cast<Fiber::Native*>(env)->proceed; };
}

wasmtime_instance_pre_t* make_runner(wasm_engine_t* engine) {
  Bytes wasm;
  wasmtime_error_t* error = wasmtime_wat2wasm(runner_text.data(), runner_text.size(), &wasm.vec);
  CRANK_CHECK(error == nullptr, "the runner module: ", message_of(error));
  wasmtime_module_t* raw = nullptr;
  error = wasmtime_module_new(engine, reinterpret_cast<const std::uint8_t*>(wasm.vec.data), wasm.vec.size, &raw);
  CRANK_CHECK(error == nullptr, "the runner module: ", message_of(error));
  OwnedModule module(raw);
  OwnedLinker linker(wasmtime_linker_new(engine));
  OwnedFuncType type = native_type({});
  error = wasmtime_linker_define_func_unchecked(linker.get(), "crank", 5, "dispatch", 8, type.get(), dispatch, nullptr,
                                                nullptr);
  CRANK_CHECK(error == nullptr, "the runner module: ", message_of(error));
  error = wasmtime_linker_define_async_func(linker.get(), "crank", 5, "wait", 4, type.get(), wait, nullptr, nullptr);
  CRANK_CHECK(error == nullptr, "the runner module: ", message_of(error));
  wasmtime_instance_pre_t* pre = nullptr;
  error = wasmtime_linker_instantiate_pre(linker.get(), module.get(), &pre);
  CRANK_CHECK(error == nullptr, "the runner module: ", message_of(error));
  return pre;
}

}  // namespace

void StoreAccess::run_work(Fiber& fiber) noexcept {
  if (!fiber.native_->has_work) return;
  fiber.native_->has_work = false;
  ++fiber.native_->stack.depth;
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  wasmtime_func_t func = engine::native(fiber.func_);
  do {
    error = raw_call(fiber.store_, func, fiber.values_, fiber.capacity_, &trap);
  } while (error == nullptr && trap == nullptr && fiber.more != nullptr && fiber.more(fiber));
  --fiber.native_->stack.depth;
  if (error == nullptr && trap == nullptr)
    fiber.result_ = {};
  else
    fiber.result_ = std::unexpected(take_error(fiber.store_, error, trap));
}

Result<> StoreAccess::prepare_runner(Store& store) {
  Store::Native& native = store.native();
  if (native.asynchronous) return {};
  Engine::Native& engine = store.engine().native();
  std::call_once(engine.runner_once, [&] { engine.runner.reset(make_runner(engine.engine.get())); });
  wasmtime_instance_t instance{};
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  auto* future = wasmtime_instance_pre_instantiate_async(engine.runner.get(), native.context, &instance, &trap, &error);
  CRANK_TRY_VOID(instantiate_async(store, future, instance, trap, error));
  wasmtime_extern_t run, suspend;
  bool found = wasmtime_instance_export_get(native.context, &instance, "run", 3, &run) &&
               wasmtime_instance_export_get(native.context, &instance, "wait", 4, &suspend);
  CRANK_CHECK(found, "the runner module lacks its exports");
  native.run = run.of.func;
  native.wait = suspend.of.func;
  native.asynchronous = true;
  return {};
}

Fiber::Fiber(Store& store) : store_(store), native_(std::make_unique<Native>()) {
  native_->activation.fiber = this;
#ifdef CRANK_TSAN_FIBERS
  native_->sanitizer_context = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
  if (native_->future) {
    // The engine resumes the fiber with an error, so that the frames on it return: rule 2 holds here, too.
    native_->dropping = true;
    NativeStack* stack = &current_stack();
    Store::Activation* top = store_.top_;
    current_stack_of_thread = &native_->stack;
    store_.top_ = &native_->activation;
#ifdef CRANK_TSAN_FIBERS
    void* here = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(native_->sanitizer_context, 0);
#endif
    native_->future.reset();
#ifdef CRANK_TSAN_FIBERS
    __tsan_switch_to_fiber(here, 0);
#endif
    store_.top_ = top;
    current_stack_of_thread = stack;
    store_.native_->pending.reset();
  }
  if (native_->error != nullptr) wasmtime_error_delete(native_->error);
  if (native_->trap != nullptr) wasm_trap_delete(native_->trap);
#ifdef CRANK_TSAN_FIBERS
  __tsan_destroy_fiber(native_->sanitizer_context);
#endif
  if (values_ != inline_values_) delete[] values_;
}

Fiber::State Fiber::poll() {
  CRANK_CHECK(state_ == State::ready || state_ == State::waiting || state_ == State::preempted,
              "a fiber was polled that is ", state_ == State::running ? "running" : "done");
  Native& native = *native_;
  NativeStack* stack = &current_stack();
  Store::Activation* top = store_.top_;
  state_ = State::running;
  native.proceed = true;
  native.parked = native.waiting = false;
  StoreAccess::begin_slice(store_);
  if (!native.future) {
    native.future.reset(wasmtime_func_call_async(store_.native_->context, &store_.native_->run, nullptr, 0, nullptr, 0,
                                                 &native.trap, &native.error));
  }
  current_stack_of_thread = &native.stack;
  store_.top_ = &native.activation;
#ifdef CRANK_TSAN_FIBERS
  void* here = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(native.sanitizer_context, 0);
#endif
  bool ended = wasmtime_call_future_poll(native.future.get());
#ifdef CRANK_TSAN_FIBERS
  __tsan_switch_to_fiber(here, 0);
#endif
  store_.top_ = top;
  current_stack_of_thread = stack;
  if (ended) [[unlikely]] {
    // The runner itself failed: no stack was to be had.
    native.future.reset();
    result_ =
        std::unexpected(take_error(store_, std::exchange(native.error, nullptr), std::exchange(native.trap, nullptr)));
    native.has_work = false;
    native.parked = true;
  }
  if (native.parked) {
    state_ = State::done;
    --store_.native_->active_fibers;
  } else {
    state_ = native.waiting ? State::waiting : State::preempted;
  }
  return state_;
}

Result<> Store::suspend() {
  if (!can_suspend())
    return crank::fail(Code::bad_state, "suspending a guest that is not on a fiber, or inside a nested call");
  Fiber* fiber = top_->fiber;
  fiber->native_->waiting = true;
  wasm_trap_t* trap = nullptr;
  RawVal none[1];
  wasmtime_error_t* error = StoreAccess::raw_call(*this, native_->wait, none, 0, &trap);
  if (error == nullptr && trap == nullptr) [[likely]]
    return {};
  if (!fiber->native_->dropping) return std::unexpected(take_error(*this, error, trap));
  if (error != nullptr) wasmtime_error_delete(error);
  if (trap != nullptr) wasm_trap_delete(trap);
  return crank::fail(Code::cancelled, "the fiber was dropped while it waited");
}

Result<FiberRef> Store::start(const Func& func, std::span<const RawVal> arguments, std::size_t slots) {
  Native& native = *native_;
  if (native.active_fibers > 0 && (!options_.several_fibers || native.collected))
    return crank::fail(Code::unsupported, native.collected
                                              ? "starting a second fiber in a store whose modules use collected types "
                                                "or exceptions: the engine could not find their references in the first"
                                              : "starting a second fiber in a store that was made for one");
  CRANK_TRY_VOID(StoreAccess::prepare_runner(*this));
  std::unique_ptr<Fiber> fiber;
  if (native.idle.empty()) {
    fiber.reset(new Fiber(*this));
  } else {
    fiber = std::move(native.idle.back());
    native.idle.pop_back();
  }
  std::size_t count = slots > arguments.size() ? slots : arguments.size();
  if (count > fiber->capacity_) {
    if (fiber->values_ != fiber->inline_values_) delete[] fiber->values_;
    fiber->values_ = new RawVal[count];
    fiber->capacity_ = count;
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) fiber->values_[i] = arguments[i];
  fiber->count_ = count;
  fiber->func_ = func;
  fiber->state_ = Fiber::State::ready;
  fiber->user = nullptr;
  fiber->preemptible = true;
  fiber->more = nullptr;
  fiber->native_->has_work = true;
  ++native.active_fibers;
  ++native.live_fibers;
  return FiberRef(fiber.release());
}

FiberRef& FiberRef::operator=(FiberRef&& other) noexcept {
  if (this != &other) {
    reset();
    fiber_ = std::exchange(other.fiber_, nullptr);
  }
  return *this;
}

void FiberRef::reset() noexcept {
  if (fiber_ == nullptr) return;
  std::unique_ptr<Fiber> fiber(std::exchange(fiber_, nullptr));
  Store& store = fiber->store_;
  Store::Native& native = store.native();
  CRANK_CHECK(fiber->state_ != Fiber::State::running, "a fiber was dropped from code that runs on it");
  --native.live_fibers;
  if (fiber->state_ != Fiber::State::done) --native.active_fibers;
  // One that was never polled has no frames: it is as good as done.
  bool clean = fiber->state_ == Fiber::State::done || fiber->state_ == Fiber::State::ready;
  fiber->native_->has_work = false;
  fiber->result_ = {};
  if (clean && native.idle.size() < store.options().idle_fibers) {
    fiber->state_ = Fiber::State::done;
    native.idle.push_back(std::move(fiber));
  }
}

}  // namespace crank::engine
