// Internal: makes the guests of a root whose targets and actors are set.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/host.h"
#include "crank/component/linked.h"
#include "crank/component/program.h"

namespace crank::component::detail {

struct Activation;
class RootState;

/// Runs on this thread with every group's executor held. `chain`: the native stack below, if a guest's call needs the root.
Result<> instantiate_root(RootState& root, const Activation* chain);

/// A function that some part exports, for messages.
struct Offer {
  std::string owner, item;
};

/// What the host has for an import; Code::missing_import or bad_type with a sentence. `offers`: what other parts export,
/// none of which fits.
Result<Target> bind_to_host(const Program& program, const Import& import, const Imports& imports,
                            std::span<const Offer> offers = {});
/// An exported function by path ("iface#name", versions compatible); null if there is none.
const Export* find_in(const std::vector<Export>& exports, std::string_view path);

}  // namespace crank::component::detail
