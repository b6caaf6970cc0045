// What a reactor tells about itself: counts, what is pending, who waits for what.
#include <algorithm>

#include "crank/reactor/core.h"

namespace crank::reactor {

using Core = Reactor::Core;

std::string Core::describe(const Pending& pending) const {
  switch (pending.kind) {
    case Request::Kind::call: return concat("call ", pending.name);
    case Request::Kind::read: return concat("read of response body ", pending.number);
    case Request::Kind::timer: return "timer";
    case Request::Kind::http: return concat("http ", pending.name);
  }
  return {};
}

ReactorReport Core::report() {
  ReactorReport out = counts_;
  Instant now = runtime_.now();
  pending_.each(
      [&](std::uint32_t token, Pending& p) { out.pending.push_back({token, p.task, describe(p), now - p.since}); });
  std::sort(out.pending.begin(), out.pending.end(), [](const auto& a, const auto& b) { return a.age > b.age; });
  for (auto& [task, call] : calls_)
    out.calls.push_back({task, call->entry, now - call->since, in_pump_ ? std::string() : waits_for(*call)});
  for (auto& call : to_enter_) {
    if (!call->over) out.calls.push_back({0, call->entry, now - call->since, "waits for the turn before it to end"});
  }
  std::sort(out.calls.begin(), out.calls.end(), [](const auto& a, const auto& b) { return a.task < b.task; });
  out.dead = death();
  return out;
}

namespace {
std::int64_t ms(Duration age) { return std::chrono::duration_cast<std::chrono::milliseconds>(age).count(); }
}  // namespace

std::string PendingReport::to_string() const {
  return concat("never resumed: ", what, " (token ", token, ", task ", task, "), ", ms(age), " ms");
}

std::string ReactorReport::to_string() const {
  std::string out;
  for (const Call& call : calls)
    out += concat("task ", call.task, " ", call.entry, ", ", ms(call.age), " ms", call.waits_for.empty() ? "" : ": ",
                  call.waits_for, "\n");
  for (const PendingReport& p : pending) out += concat(p.to_string(), "\n");
  if (dead) out += concat("ended: ", dead->to_string(), "\n");
  return out;
}

}  // namespace crank::reactor
