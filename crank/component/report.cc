#include "crank/component/report.h"

#include "crank/component/root_state.h"
#include "crank/component/stream_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

namespace {

std::string name_of_call(const Call& c) {
  if (c.lift) return concat(c.lift->instance->name(), " ", c.lift->spec->name);
  if (c.lower && c.lower->target->import)
    return concat("the host's ", c.lower->target->import->interface, "#", c.lower->target->import->name);
  return "a call";
}

std::string describe(const Waitable& w) {
  if (w.kind == EntryKind::subtask) return concat("the answer of ", name_of_call(static_cast<const Call&>(w)));
  const End& e = static_cast<const End&>(w);
  return concat("the other end of its ", name_of(w.kind), " ", e.index);
}

// The members of a set are found through the table: a set itself lists only those with an event.
std::string describe(const WaitableSet& set, InstanceState& instance) {
  std::string out;
  instance.handles.for_each([&](std::uint32_t, Entry& entry) {
    if (!is_waitable(entry.kind)) return;
    Waitable& w = *entry.waitable;
    WaitableSet* its = entry.kind == EntryKind::subtask ? static_cast<Call&>(w).subtask_set() : w.set;
    if (its != &set) return;
    if (!out.empty()) out += ", or ";
    out += describe(w);
  });
  return out.empty() ? "an event in a waitable set that is empty" : out;
}

std::string waits_for(Call& c, InstanceState& instance) {
  switch (c.waits) {
    case Waits::at_gate:
      return instance.backpressure > 0 ? "backpressure to end" : "the instance to be free (another task holds it)";
    case Waits::for_arguments: return "its arguments, from the caller";
    case Waits::yielded:
    case Waits::stack_yielded: return "its next turn";
    case Waits::suspended: return "another thread to resume it";
    case Waits::on_set:
    case Waits::stack_on_set: return describe(*c.Call::set, instance);
    case Waits::stack_on_waitable: return describe(*c.awaited);
    case Waits::preempted: return "a processor (its slice was over)";
    case Waits::nowhere: return c.callee_resolved() ? "nothing: it has answered and goes on" : "nothing: it runs";
  }
  return "?";
}

}  // namespace

std::string report_of(Group& group) {
  std::string out;
  if (group.torn_down) return out;
  for (InstanceState* instance : group.instances) {
    for (Call* c = instance->first_task; c; c = c->next_task) {
      out += concat("  ", name_of_call(*c), " waits for ", waits_for(*c, *instance));
      if (c->caller) out += concat(" (called by ", c->caller->name(), ")");
      out += "\n";
    }
  }
  return out;
}

std::string report_of(RootState& root) {
  std::string out;
  for (const auto& group : root.groups) out += report_of(*group);
  return out;
}

}  // namespace crank::component::detail
