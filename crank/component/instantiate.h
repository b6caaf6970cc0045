// Internal: makes the guests of a root whose targets and actors are set.
#pragma once

#include "crank/base/result.h"

namespace crank::component::detail {

struct Activation;
class RootState;

/// Runs on this thread with every group's executor held. `chain`: the native stack below, if a guest's call needs the root.
Result<> instantiate_root(RootState& root, const Activation* chain);

}  // namespace crank::component::detail
