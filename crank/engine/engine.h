// The engine: what compiles, and the one clock that interrupts guests.
//
//   Engine ── compiles ──> Module ── instantiated in ──> Store ── runs ──> calls, Fibers
//
// One Engine serves the process (one more where guests are interpreted). Thread-safe. Modules and stores keep it alive.
// Guests are interrupted by epochs: a ticker thread counts, compiled code compares. It ticks only while some thread
// holds a Presence, so an idle process sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "crank/base/result.h"

namespace crank::engine {

/// Where memories, tables and fiber stacks come from.
enum class Allocation : std::uint8_t {
  small,  ///< on demand, small reservations: many instances under tests and sanitizers; memory limited to `memory_reservation`
  on_demand,  ///< on demand, 4 GiB reserved a memory: the fastest code, some ten thousand instances at most
  pooling,    ///< slots laid out at the start (PoolLimits): instantiation in 3 us, nothing beyond the slots
};

struct PoolLimits {
  std::uint32_t instances = 1000;  ///< core instances; each store with fibers takes one more
  std::uint32_t memories = 1000;
  std::uint32_t tables = 2000;
  std::uint32_t stacks = 1000;  ///< fibers, running or suspended or kept for reuse
  std::uint32_t memories_a_module = 1;
  std::uint32_t tables_a_module = 4;
  std::size_t table_elements = 20'000;
  std::size_t memory_bytes = std::size_t{4} << 30;
  std::size_t instance_bytes = std::size_t{1} << 20;
  std::size_t keep_resident = 128 << 10;  ///< bytes a slot keeps warm between two uses
};

struct EngineOptions {
  bool interpreted = false;  ///< Pulley bytecode: nothing is compiled to machine code, no executable memory is made
  Allocation allocation = Allocation::on_demand;
  PoolLimits pool;
  std::uint64_t memory_reservation = std::uint64_t{64}
                                     << 20;  ///< Allocation::small: address space, and limit, a memory
  bool epochs = true;                        ///< false: faster loops, but a guest cannot be interrupted
  std::chrono::microseconds tick{1000};
  std::size_t wasm_stack = 256 << 10;  ///< bytes a guest may use of a stack for each entry
  std::size_t fiber_stack = 2 << 20;   ///< bytes of a fiber's stack; holds nested_entries() entries and host frames
  bool optimize = true;                ///< false: compiles faster, runs slower (suites with many tiny modules)
  bool collected_types = true;         ///< garbage-collected types and exceptions; see Store about several fibers
  bool shared_memory = false;
  bool custom_page_sizes = false;
  std::string
      cache_directory;  ///< of compiled modules, keyed by the SHA-256 of their bytes and of these options; empty: none.
                        ///< Must be writable by nobody else: what lies there is executed.
};

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  /// Checks the options and starts the engine. Errors: Code::bad_argument with the sentence that says which option.
  static Result<std::shared_ptr<Engine>> create(EngineOptions options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const EngineOptions& options() const noexcept { return options_; }
  /// How deep guest and host may alternate on one native stack (a fiber's; twice as deep off fibers) before a call is refused with Code::limit.
  unsigned nested_entries() const noexcept { return nested_entries_; }
  /// The current epoch. Advances by one every `tick` while somebody is present.
  std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_relaxed); }
  /// Advances the epoch by hand: tests need no thread and no time for that.
  void advance_epoch() noexcept;

  /// "This thread may be running guests": held by a worker while it is not parked. Costs two atomic operations.
  class Presence {
   public:
    explicit Presence(Engine& engine) noexcept : engine_(engine) { engine_.arrive(); }
    ~Presence() { engine_.leave(); }
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;

   private:
    Engine& engine_;
  };

  /// A Presence without a scope, for whoever counts by other means: each `arrive` needs its `leave`, in any order.
  void arrive() noexcept;
  void leave() noexcept;

  struct Native;  ///< only this layer's sources know what is in there
  Native& native() noexcept { return *native_; }

 private:
  explicit Engine(EngineOptions options);

  EngineOptions options_;
  unsigned nested_entries_ = 0;
  std::atomic<std::uint64_t> epoch_{0};
  std::unique_ptr<Native> native_;
};

}  // namespace crank::engine
