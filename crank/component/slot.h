// Internal: who fills an import with an export of another part (composition.h): the root that stands there now.
#pragma once

#include "crank/base/result.h"
#include "crank/component/program.h"

namespace crank::component::detail {

struct LiftState;
class RootState;

class Slot {
 public:
  virtual ~Slot() = default;
  /// The lift of the root that `caller` talks to, instantiated if there is none. The root is kept alive by the slot until
  /// the caller's turn has ended or the call holds it.
  virtual Result<LiftState*> callee(RootState& caller, LiftId lift) = 0;
};

}  // namespace crank::component::detail
