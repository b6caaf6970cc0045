// Internal: a component without the code in it. The engine validates a component only by compiling all of it; but what
// stands in function bodies bears on nothing outside of them, and single core modules it does validate without compiling.
// So a component is valid exactly if its skeleton is, and each of its core modules by itself.
//
//   component ( module ( types imports code( body body ) data ) component ( module ... ) )
//   skeleton  ( module ( types imports code( trap trap ) data ) component ( module ... ) )
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace crank::engine {

struct Skeleton {
  std::vector<std::uint8_t> bytes;                     ///< the component, each function body an `unreachable`
  std::vector<std::span<const std::uint8_t>> modules;  ///< the core modules whose bodies were replaced; in the original
};

/// None if the framing of sections and bodies is not as expected anywhere: then look at the original.
std::optional<Skeleton> skeleton_of(std::span<const std::uint8_t> component);

}  // namespace crank::engine
