// Internal: who waits for whom.
#pragma once

#include <string>

namespace crank::component::detail {

struct Group;
class RootState;

/// One line a waiting task of this group; its executor is held.
std::string report_of(Group& group);
/// Of all groups, when nothing runs.
std::string report_of(RootState& root);

}  // namespace crank::component::detail
