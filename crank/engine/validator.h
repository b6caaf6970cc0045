// Internal: the engine as a judge of component binaries (Module::validate_component without its memory of verdicts).
#pragma once

#include <cstdint>
#include <span>

#include "crank/base/result.h"
#include "crank/engine/wasmtime_api.h"

namespace crank::engine {

/// An engine with every proposal on that its C API can switch on. It runs nothing, so its code is the cheapest there is.
/// Made for few verdicts and let go, so that none of its memory stays.
class ComponentValidator {
 public:
  ComponentValidator();
  /// Valid, or the engine's words. Compiles no function body of a valid component; see skeleton.h.
  Result<> check(std::span<const std::uint8_t> component);
  /// The same verdict by compiling all of it.
  Result<> check_whole(std::span<const std::uint8_t> component);

 private:
  Owned<wasm_engine_t, wasm_engine_delete> engine_;
};

}  // namespace crank::engine
