// Internal: what the trampolines of `canon lower` share.
#pragma once

#include "crank/component/canon.h"

namespace crank::component::detail {

/// The lift that answers this import now. Of another root: referenced and counted, see Slot.
Result<LiftState*> find_callee(LowerState& l);
/// The callee's root ended, or never was, before anything of the call ran there: the call resolves with that failure.
Result<> answer_dead(Call& c, Error error);
/// A sync-typed call of any signature. The caller may leave, and lives.
Result<> call_nested(LowerState& l, engine::RawVal* v, Result<LiftState*> callee);
/// The trampoline of sync-typed functions of numbers.
Result<> lower_numbers(LowerState& l, engine::RawVal* v);

}  // namespace crank::component::detail
