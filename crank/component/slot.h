// Internal: who fills an import with an export of another part (composition.h): the root that stands there now.
#pragma once

#include "crank/base/result.h"
#include "crank/component/program.h"

namespace crank::component::detail {

struct Activation;
struct LiftState;
class RootState;

class Slot {
 public:
  virtual ~Slot() = default;
  /// The lift of the root that stands here now, instantiated if there is none (`chain`: the native stack that needs it).
  /// The answer holds a reference on that root's record and counts as one of its tasks; both are the caller's to give
  /// back.
  virtual Result<LiftState*> callee(LiftId lift, const Activation* chain) = 0;
};

}  // namespace crank::component::detail
