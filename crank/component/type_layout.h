// Canonical layout of one type from its already laid out parts (CanonicalABI.md: Alignment, Element Size, Flattening).
// Internal to the type arena.
#pragma once

#include "crank/component/types.h"

namespace crank::component::detail {

/// Fills sizes, alignments, offsets, flattening and the has_… facts of a type whose kind and parts are set.
/// Sizes saturate, so that a type too large for the ABI can be recognised and refused.
void lay_out(Type& type);
void lay_out(FuncType& type);

}  // namespace crank::component::detail
