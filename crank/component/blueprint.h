// A component made ready to be instantiated many times: its Program, its compiled core modules, and what is learnt about
// its functions while they run. Immutable but for the statistics; shared by all roots of one binary, on any thread.
//
//   bytes --decode--> Program --compile--> Blueprint --Root::instantiate--> Root
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/program.h"

namespace crank::engine {
class Engine;
class Module;
}  // namespace crank::engine

namespace crank::component {

/// How long the calls of one lift have been, over all roots (DESIGN, C3). Relaxed counters; a lost update is harmless.
struct LiftStatistics {
  std::atomic<std::uint32_t> calls{0};       ///< watched starts, saturates once the function is proven
  std::atomic<std::uint32_t> overstayed{0};  ///< of these, how many outlived their slice
  std::atomic<bool> is_long{false};          ///< start it on a fiber
  std::atomic<bool> cancels{false};          ///< it cancelled a call synchronously, which may block: always on a fiber
};

struct BlueprintOptions {
  DecodeLimits limits;
  /// Runs the engine's own validator over the binary first, but for features it cannot switch on (DESIGN section 8).
  /// Turn off only for binaries that were validated when they were published.
  bool validate = true;
};

class Blueprint {
 public:
  /// Decodes, validates and compiles. Errors: bad_binary (offset and reason), bad_type (not a component), unsupported.
  static Result<std::shared_ptr<const Blueprint>> prepare(engine::Engine& engine, std::span<const std::byte> binary,
                                                          const BlueprintOptions& options = {});
  /// From a Program that is already decoded (the binary it points into is kept alive by it).
  static Result<std::shared_ptr<const Blueprint>> prepare(engine::Engine& engine,
                                                          std::shared_ptr<const Program> program,
                                                          const BlueprintOptions& options = {});
  ~Blueprint();

  const Program& program() const noexcept { return *program_; }
  std::shared_ptr<const Program> shared_program() const noexcept { return program_; }
  engine::Engine& engine() const noexcept { return engine_; }
  const engine::Module& module(ModuleId id) const noexcept { return *modules_[index(id)]; }
  LiftStatistics& statistics(LiftId id) const noexcept { return statistics_[index(id)]; }

 private:
  Blueprint(engine::Engine& engine, std::shared_ptr<const Program> program);
  engine::Engine& engine_;
  std::shared_ptr<const Program> program_;
  std::vector<std::unique_ptr<engine::Module>> modules_;
  std::unique_ptr<LiftStatistics[]> statistics_;
};

}  // namespace crank::component
