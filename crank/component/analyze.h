// What linking must know about a finished Program: which instances share an executor (DESIGN, C1), and which groups
// need a fiber to wait on (C4).
#pragma once

#include "crank/component/program.h"

namespace crank::component::detail {

/// Fills Program::groups and Instance::group.
///  G1  An instance that instantiates core modules, lifts, or provides trampolines or resources is in a group; others
///      hold no core code and are in none.
///  G2  A lower of a sync-typed function joins its instance and the callee's.
///  G3  A resource.drop of a resource with a destructor joins its instance and the resource's.
///  G4  Groups on a cycle of async-typed calls are joined too, so that calls between groups form no cycle.
///  G5  A group may block if core code of it can reach a built-in that waits, or if it has a stackful lift. Only
///      trampolines that are handed to a core module, or used as a core function elsewhere, can be reached.
void analyze(Program& program);

/// Whether a call of that built-in may have to wait on a fiber (DESIGN, C4).
bool waits(const Program& program, const Trampoline& trampoline);
/// Which trampolines core code can reach, by TrampolineId.
std::vector<bool> reachable_trampolines(const Program& program);

}  // namespace crank::component::detail
