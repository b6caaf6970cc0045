// Internal: the canonical built-ins as host functions of the engine. One small function each, in canon_*.cc by family;
// `env` is the Env (or LowerState) of its trampoline. Each checks may_leave first where the specification says so.
#pragma once

#include "crank/component/group.h"
#include "crank/component/linked.h"
#include "crank/engine/store.h"

namespace crank::component::detail {

/// The engine function for a trampoline of `store`; Code::unsupported for those that are not provided.
Result<engine::Func> make_trampoline(engine::Store& store, LowerState& env);

/// The families: each answers with an empty Func for operations of the others.
struct CanonFunction {
  engine::HostFunction plain = nullptr;
  engine::BlockingFunction blocking = nullptr;
};
CanonFunction canon_call(const LowerState& env);
CanonFunction canon_task(const LowerState& env);
CanonFunction canon_waitable(const LowerState& env);
CanonFunction canon_stream(const LowerState& env);
CanonFunction canon_resource(const LowerState& env);
CanonFunction canon_error_context(const LowerState& env);
CanonFunction canon_thread(const LowerState& env);

/// `canon X`'s first line in the specification.
inline Result<> check_may_leave(const InstanceState& instance) {
  if (!instance.may_leave) [[unlikely]]
    return fail(Code::trap, "cannot leave component instance");
  return {};
}
/// The task whose code calls.
inline Call& current_task(const InstanceState& instance) { return *instance.group->top->task; }

template <auto function>
engine::Trap plain_trampoline(void* env, engine::Caller*, engine::RawVal* values, std::size_t) noexcept {
  auto& e = *static_cast<LowerState*>(env);
  if (Result<> r = function(e, values); !r) [[unlikely]]
    return e.instance->group->store->raise(std::move(r).error());
  return nullptr;
}
/// `function` answers true when it is done, false to be called again once something happened.
template <auto function>
engine::Step blocking_trampoline(void* env, engine::Store& store, engine::RawVal* values, bool again) noexcept {
  auto& e = *static_cast<LowerState*>(env);
  Result<bool> r = function(e, values, again);
  if (!r) [[unlikely]]
    return store.fail(std::move(r).error());
  return *r ? engine::Step::ready : engine::Step::wait;
}

/// Lets something else run on this stack that may end the current task's wait. False: there is nothing.
Result<bool> let_others_run(InstanceState& instance, Call& task);

/// Delivering: definitions.py, get_pending_event.
Result<Event> deliver_event(WaitableSet& set, InstanceState& instance, Activation* chain);
Result<Event> deliver(Waitable& waitable, InstanceState& instance, Activation* chain);
/// The subtask's last event: gives back lent handles and lowers the result, flat into `out` or to memory.
Result<> deliver_resolved(Call& c, std::uint32_t max_flat, Slots out, Activation* chain);

}  // namespace crank::component::detail
