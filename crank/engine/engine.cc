#include "crank/engine/engine.h"

#include <sys/resource.h>

#include "crank/base/check.h"
#include "crank/engine/engine_native.h"

namespace crank::engine {

namespace {

constexpr std::size_t host_frames = 128 << 10;  // what the host may use of a stack between two guest entries

unsigned entries(const EngineOptions& options) {
  return static_cast<unsigned>((options.fiber_stack - (64 << 10)) / (options.wasm_stack + host_frames));
}

// wasm_engine_new_with_config ends the process on a configuration it does not like, so nothing wrong may reach it.
Result<> check(const EngineOptions& o) {
  auto bad = [](std::string why) { return fail(Code::bad_argument, concat("starting the engine: ", why)); };
  if (o.wasm_stack < (16 << 10))
    return bad(concat("wasm_stack is ", o.wasm_stack, " bytes, at least 16384 are needed"));
  if (o.fiber_stack > (std::size_t{1} << 30)) return bad("fiber_stack is over 1 GiB");
  if (o.fiber_stack < (64 << 10) || entries(o) < 2)
    return bad(concat("fiber_stack is ", o.fiber_stack,
                      " bytes, which leaves no room for two entries of wasm_stack = ", o.wasm_stack));
  if (o.epochs && o.tick.count() <= 0) return bad("tick must be positive");
  if (o.allocation == Allocation::small && o.memory_reservation < (std::uint64_t{1} << 16))
    return bad("memory_reservation must hold at least one page of 65536 bytes");
  if (o.allocation == Allocation::pooling) {
    const PoolLimits& p = o.pool;
    if (p.instances == 0 || p.memories == 0 || p.stacks == 0)
      return bad("a pool without instances, memories or stacks");
    if (p.memory_bytes < (std::size_t{1} << 16) || p.memory_bytes > (std::size_t{4} << 30))
      return bad(concat("pool.memory_bytes is ", p.memory_bytes, ", it must be between 64 KiB and 4 GiB"));
    if (p.memories_a_module > p.memories || p.tables_a_module > p.tables)
      return bad("a module may have more memories or tables than the pool has");
    // Each memory reserves 4 GiB and its guards; more than the address space is an abort.
    if (static_cast<unsigned __int128>(p.memories) * ((std::uint64_t{4} << 30) + (std::uint64_t{64} << 20)) >
        (std::uint64_t{1} << 46))
      return bad(concat("pool.memories is ", p.memories, ": 4 GiB of address space each is more than there is"));
  }
  return {};
}

void configure_pool(wasm_config_t* config, const EngineOptions& options) {
  const PoolLimits& p = options.pool;
  auto* pool = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_total_core_instances_set(pool, p.instances);
  wasmtime_pooling_allocation_config_total_memories_set(pool, p.memories);
  wasmtime_pooling_allocation_config_total_tables_set(pool, p.tables);
  wasmtime_pooling_allocation_config_total_stacks_set(pool, p.stacks);
  wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, p.memories_a_module);
  wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, p.tables_a_module);
  wasmtime_pooling_allocation_config_table_elements_set(pool, p.table_elements);
  wasmtime_pooling_allocation_config_max_memory_size_set(pool, p.memory_bytes);
  wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, p.instance_bytes);
  wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, p.keep_resident);
  wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 4096);
  wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, 64 << 10);
  wasmtime_pooling_allocation_strategy_set(config, pool);
  wasmtime_pooling_allocation_config_delete(pool);
}

wasmtime_error_t* new_stack(void* env, std::size_t size, bool, wasmtime_stack_memory_t* out) {
  Stacks::Stack* stack = (*static_cast<std::shared_ptr<Stacks>*>(env))->take(size);
  if (stack == nullptr) return wasmtime_error_new("no memory for the stack of a fiber");
  out->env = stack;
  out->get_stack_memory = [](void* e, std::size_t* length) -> std::uint8_t* {
    auto* s = static_cast<Stacks::Stack*>(e);
    *length = s->size;
    return s->mapping + Stacks::page() + s->size;
  };
  out->finalizer = [](void* e) {
    auto* s = static_cast<Stacks::Stack*>(e);
    s->owner->give_back(s);
  };
  return nullptr;
}

void run_ticker(Engine& engine, Engine::Native& native, std::chrono::microseconds tick) {
  constexpr int linger = 50;  // ticks: a worker that parks for a moment should not pay for waking this thread
  int idle = 0;
  std::unique_lock lock(native.mutex);
  while (!native.stop) {
    if (native.present.load() == 0 && ++idle > linger) {
      native.asleep.store(true);
      native.wake.wait(lock, [&] { return native.stop || native.present.load() != 0; });
      native.asleep.store(false);
      idle = 0;
      continue;
    }
    if (native.present.load() != 0) idle = 0;
    native.wake.wait_for(lock, tick, [&] { return native.stop; });
    if (!native.stop && native.present.load() != 0) engine.advance_epoch();
  }
}

}  // namespace

Engine::Engine(EngineOptions options)
    : options_(std::move(options)), nested_entries_(entries(options_)), native_(std::make_unique<Native>()) {}

Result<std::shared_ptr<Engine>> Engine::create(EngineOptions options) {
  CRANK_TRY_VOID(check(options));
  std::shared_ptr<Engine> engine(new Engine(std::move(options)));
  const EngineOptions& o = engine->options_;
  Native& native = *engine->native_;
  native.stacks = std::make_shared<Stacks>();

  wasm_config_t* config = wasm_config_new();
  if (o.interpreted) {
    if (wasmtime_error_t* error = wasmtime_config_target_set(config, "pulley64")) {
      wasm_config_delete(config);
      return fail(Code::unsupported, concat("starting the interpreter: ", message_of(error)));
    }
  }
  wasmtime_config_epoch_interruption_set(config, o.epochs);
  wasmtime_config_max_wasm_stack_set(config, o.wasm_stack);
  wasmtime_config_async_stack_size_set(config, o.fiber_stack);
  wasmtime_config_cranelift_opt_level_set(config, o.optimize ? WASMTIME_OPT_LEVEL_SPEED : WASMTIME_OPT_LEVEL_NONE);
  wasmtime_config_wasm_gc_set(config, o.collected_types);
  wasmtime_config_wasm_function_references_set(config, o.collected_types);
  wasmtime_config_wasm_exceptions_set(config, o.collected_types);
  wasmtime_config_shared_memory_set(config, o.shared_memory);
  wasmtime_config_wasm_custom_page_sizes_set(config, o.custom_page_sizes);
  wasmtime_config_wasm_stack_switching_set(config, false);  // accepted by the library, but its code is not in there
  switch (o.allocation) {
    case Allocation::small:
      wasmtime_config_memory_reservation_set(config, o.memory_reservation);
      wasmtime_config_memory_reservation_for_growth_set(config, 0);
      wasmtime_config_memory_guard_size_set(config, 64 << 10);
      wasmtime_config_memory_may_move_set(config, false);
      break;
    case Allocation::on_demand: wasmtime_config_memory_may_move_set(config, false); break;
    case Allocation::pooling: configure_pool(config, o); break;
  }
#ifdef CRANK_ENGINE_SANITIZED
  wasmtime_config_signals_based_traps_set(config, false);  // the sanitizers want those signals
  wasmtime_config_parallel_compilation_set(config,
                                           false);  // the engine is not instrumented: its threads would be reported
#endif
  if (o.allocation != Allocation::pooling) {
    wasmtime_stack_creator_t creator{new std::shared_ptr<Stacks>(native.stacks), new_stack,
                                     [](void* env) { delete static_cast<std::shared_ptr<Stacks>*>(env); }};
    wasmtime_config_host_stack_creator_set(config, &creator);
  }
  native.engine.reset(wasm_engine_new_with_config(config));
  native.cache_key =
      concat("wasmtime ", WASMTIME_VERSION, " pulley=", o.interpreted, " epochs=", o.epochs, " opt=", o.optimize,
             " allocation=", static_cast<int>(o.allocation), " reservation=", o.memory_reservation,
             " gc=", o.collected_types, " shared=", o.shared_memory, " pages=", o.custom_page_sizes,
#ifdef CRANK_ENGINE_SANITIZED
             " signals=off",
#endif
             " pool=", o.pool.memory_bytes);
  if (o.epochs) {
    native.ticker = std::thread([raw = engine.get(), &native, tick = o.tick] { run_ticker(*raw, native, tick); });
  }
  return engine;
}

Engine::~Engine() {
  if (!native_ || !native_->ticker.joinable()) return;
  {
    std::lock_guard lock(native_->mutex);
    native_->stop = true;
  }
  native_->wake.notify_all();
  native_->ticker.join();
}

void Engine::advance_epoch() noexcept {
  wasmtime_engine_increment_epoch(native_->engine.get());
  epoch_.fetch_add(1, std::memory_order_relaxed);
}

void Engine::arrive() noexcept {
  // Sequentially consistent with `asleep`: either the ticker sees this arrival before it sleeps, or it is woken here.
  if (native_->present.fetch_add(1) == 0 && native_->asleep.load()) {
    std::lock_guard lock(native_->mutex);
    native_->wake.notify_all();
  }
}

void Engine::leave() noexcept { native_->present.fetch_sub(1); }

}  // namespace crank::engine
