// The messages of a call, between the executors of its two halves: each holds a reference until it is delivered.
//
//   caller                                        callee
//     start_message      ------------------------>  deliver_start
//     lift_for_callee   <------ lift_message ------  begin (arguments are lifted where they lie, C3)
//                        ------ lift_message ----->  deliver_lifted
//     set_event         <------ started_message ---
//     apply_resolved    <------ resolved_message --  give_result, resolve_cancelled, fail_task
//                                                    continue_message: to itself, when it was preempted
#include "crank/async/runtime.h"
#include "crank/async/turn.h"
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/task_internal.h"

namespace crank::component::detail {

void post_message(Call::Message& message, Call& c, Group& to, void (*deliver)(Call&)) {
  c.references.fetch_add(1, std::memory_order_relaxed);
  message.call = &c;
  message.to = &to;
  message.deliver = deliver;
  message.run = [](Job* job) noexcept {
    auto& m = *static_cast<Call::Message*>(job);
    Group& group = *m.to;
    Call& call = *m.call;
    m.deliver(call);
    release_call(call);
    group.end_turn();
  };
  to.post(message);
}

void post_to_callee(Call::Message& message, Call& c, void (*deliver)(Call&)) {
  post_message(message, c, group_of(c), deliver);
}

void release_call(Call& c) {
  if (c.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  RootState* callee = c.callee_root;
  RootState* caller = c.caller_root;
  if (c.counted) group_of(c).root.task_ended();
  delete &c;
  if (callee) callee->release();
  if (caller) caller->release();
}

void finish_call(Call& c, Group& caller) {
  if (c.references.load(std::memory_order_acquire) != 1) return release_call(c);
  if (std::exchange(c.counted, false)) group_of(c).root.task_ended();
  if (c.callee_root) std::exchange(c.callee_root, nullptr)->release();
  if (c.caller_root) std::exchange(c.caller_root, nullptr)->release();
  caller.recycle(c);
}

void post_started(Call& c) {
  post_message(c.started_message, c, *c.caller->group, [](Call& call) {
    if (call.caller->root->dead()) return;
    if (call.state == SubtaskState::starting) call.state = SubtaskState::started;
    set_event(call);
  });
}

namespace {

void deliver_lifted(Call& c) {
  if (c.waits != Waits::for_arguments) return;
  c.waits = Waits::nowhere;
  if (auto r = begin(c, nullptr); !r) group_of(c).root.die(std::move(r).error(), &c);
}

// On the caller's executor: the callee is about to start and wants its arguments (C3).
void lift_for_callee(Call& c) {
  if (c.caller->root->dead()) return;  // taking down cancels the call
  Side caller(*c.caller, c.lower->options, &c, nullptr);
  auto arguments = lift_parameters(caller.context, *c.lower->type, c.lower->async_, c.slots);
  if (!arguments) return c.caller->root->die(std::move(arguments).error());
  c.arguments = *std::move(arguments);
  c.lifted = true;
  c.state = SubtaskState::started;
  set_event(c);
  post_message(c.lift_message, c, group_of(c), deliver_lifted);
}

}  // namespace

void post_lift(Call& c) { post_message(c.lift_message, c, *c.caller->group, lift_for_callee); }

void apply_resolved(Call& c) {
  if (c.caller->root->dead()) return;
  c.state = c.outcome;
  set_event(c);
}

void post_resolved(Call& c) { post_message(c.resolved_message, c, *c.caller->group, apply_resolved); }

namespace {

// By the clock, not by what the guest got of the processor: whoever waits for it does so by the clock.
Result<> within_limit(const Group& group) {
  const engine::Engine& engine = group.root.blueprint->engine();
  const std::uint32_t limit = group.root.options.limits.turn_ticks;
  if (limit == 0 || engine.epoch() - group.overstays_since < limit) return {};
  return fail(engine::turn_over_limit(engine, limit));
}

// A parked group goes on in a job of the pool: the turn it had on some thread is over, its executor is still held.
void continue_parked(Job* job) noexcept {
  auto& m = *static_cast<Call::Message*>(job);
  Call& c = *m.call;
  Group& group = *m.to;
  group.actor->continue_turn();
  group.parked = nullptr;
  c.waits = Waits::nowhere;
  if (!group.root.dead()) {
    Result<> r = within_limit(group);
    if (r) r = poll(c, nullptr);
    if (!r) group.root.die(std::move(r).error(), &c);
  }
  group.turn_over();
  release_call(c);
  group.end_nested_turn();
}

}  // namespace

void post_continue(Call& c) {
  Group& group = group_of(c);
  group.mark_overstaying();
  c.references.fetch_add(1, std::memory_order_relaxed);
  c.continue_message.call = &c;
  c.continue_message.to = &group;
  c.continue_message.run = continue_parked;
  group.root.retain();
  group.root.domain().begin();
  // Whoever has waited while this turn overstayed comes first.
  crank::detail::look_around();
  group.root.runtime.enqueue(c.continue_message);
}

void park(Hold& hold, Call& c) {
  hold.park();
  post_continue(c);
}

}  // namespace crank::component::detail
