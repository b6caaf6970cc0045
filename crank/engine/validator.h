// Internal: the engine as a judge of component binaries (validate_component without its memory of verdicts).
//
// The engine offers no validation of components alone, only compiling. But it reads a binary from front to back, checks
// each section as it comes, and compiles when all are read. So the judge is shown the component inside of another one
// that ends in a section no binary has:
//
//   component ( component ( what is to be judged )  section 63 )
//
// A complaint about that section, at that offset, says that nothing was wrong before it. Function bodies are the one thing
// the engine puts off until it compiles; they bear on nothing outside of their module, and single core modules it does
// validate without compiling, each by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "crank/base/result.h"
#include "crank/engine/wasmtime_api.h"

namespace crank::engine {

/// Every core module in a component binary, those of nested components too. None if the framing is not as expected.
std::optional<std::vector<std::span<const std::uint8_t>>> core_modules_of(std::span<const std::uint8_t> component);

/// An engine with every proposal on that its C API can switch on. It runs nothing, so its code is the cheapest there is.
/// Made for few verdicts and let go, so that none of its memory stays.
class ComponentValidator {
 public:
  ComponentValidator();
  /// Valid, or the engine's words. Compiles nothing of a valid component.
  Result<> check(std::span<const std::uint8_t> component);
  /// The same verdict by compiling all of it.
  Result<> check_whole(std::span<const std::uint8_t> component);
  /// The first half of `check`: everything but the function bodies. False may also mean that the engine said neither.
  bool framed_is_valid(std::span<const std::uint8_t> component);

 private:
  bool module_is_valid(std::span<const std::uint8_t> module);

  Owned<wasm_engine_t, wasm_engine_delete> engine_;
};

}  // namespace crank::engine
