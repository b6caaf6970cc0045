// A bare core module behind the Guest calls: finds its exports, checks every signature before anything runs, links the
// imports it uses, copies bytes in and out with every pointer checked. Pump turns run on a fiber, so that one that
// overstays is preempted (P7); the short calls around it (alloc, entries, resume) run plainly, with a hard limit.
#pragma once

#include <memory>

#include "crank/engine/module.h"
#include "crank/engine/store.h"
#include "crank/reactor/guest.h"

namespace crank::reactor {

struct ModuleOptions {
  NameMap names;
  std::int64_t memory_bytes = std::int64_t{64} << 20;
  std::uint32_t slice = 5;         ///< ticks a pump turn has before it is preempted
  std::uint32_t call_limit = 250;  ///< ticks after which a short call is ended
  bool drive = true;               ///< false: a module without a pump is accepted, and never pumped
};

/// Instantiates the module. `host` outlives the guest. Errors name the import or export, what was found and what is wanted:
/// Code::missing_export, missing_import, bad_type, protocol (version), trap (its start or _initialize).
Result<std::unique_ptr<Guest>> make_module_guest(std::shared_ptr<engine::Engine> engine, const engine::Module& module,
                                                 GuestHost& host, ModuleOptions options = {});

}  // namespace crank::reactor
