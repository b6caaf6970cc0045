// The calls of a reactor: taken at once, entered from the top of the stack, ended exactly once.
//
//   start ──(a turn of the guest's is under way: waits)──> enter ──> on_complete, overdue, cancel, stuck, die ──> finish
#include <algorithm>

#include "crank/reactor/core.h"

namespace crank::reactor {

using Core = Reactor::Core;

void Core::start(std::shared_ptr<Call> call) {
  call->taken = true;
  if (!guest_) {
    Error why = death().value_or(Error(Code::root_dead, "it was closed"));
    return finish(*call, std::unexpected(std::move(why).wrap(
                             Code::root_dead,
                             concat("calling \"", call->entry, "\": the reactor ", options_.name, " has ended"))));
  }
  if (call->cancel_asked.load())
    return finish(*call, fail(Code::cancelled, concat("calling \"", call->entry, "\": cancelled before it started")));
  if (std::size_t already = calls_.size() + to_enter_.size(); already >= options_.limits.calls)
    return finish(*call, fail(Code::limit, concat("calling \"", call->entry, "\": ", already,
                                                  " calls are in flight, the limit is ", options_.limits.calls)));
  if (call->argument.size() > options_.limits.payload)
    return finish(*call,
                  fail(Code::limit, concat("calling \"", call->entry, "\": the argument has ", call->argument.size(),
                                           " bytes, the limit is ", options_.limits.payload)));
  call->since = now_;
  if (Duration deadline = call->deadline > Duration::zero() ? call->deadline : options_.call_deadline;
      deadline > Duration::zero())
    call->shot = Shot::set(*this, now_ + deadline, [&](Shot& shot) { shot.set_call(call); });
  if (in_pump_)
    to_enter_.push_back(std::move(call));
  else
    enter(std::move(call));
}

void Core::enter(std::shared_ptr<Call> call) {
  if (call->over) return;
  auto task = guest_->enter(call->entry, call->argument);
  if (!task) {
    Code code = task.error().code();
    Error error = std::move(task).error();
    finish(*call, std::unexpected(error));
    // These three left the guest as it was; anything else ended it.
    if (code != Code::missing_export && code != Code::bad_argument && code != Code::bad_type && code != Code::limit)
      die(std::move(error));
    return;
  }
  if (*task == 0)
    return finish(*call,
                  fail(Code::limit, concat("calling \"", call->entry, "\": the guest refused, it has too many tasks")));
  if (calls_.contains(*task)) {
    Error error(Code::protocol,
                concat("the guest broke the contract: \"", call->entry, "\" gave the id ", *task, ", which is in use"));
    finish(*call, std::unexpected(error));
    return die(std::move(error));
  }
  call->argument = {};
  call->task = *task;
  call->started = true;
  abandoned_.erase(*task);
  calls_.emplace(*task, std::move(call));
  pump_wanted_ = options_.drive;
}

void Core::finish(Call& call, Result<Bytes> result) {
  if (std::exchange(call.over, true)) return;
  Shot::disarm(*this, call.shot);
  std::shared_ptr<Call> keep = call.shared_from_this();
  if (call.started) calls_.erase(call.task);
  call.done->resume(std::move(result));
}

void Core::cancel(Call& call) {
  if (call.over || !guest_) return;
  if (!call.started)
    return finish(call, fail(Code::cancelled, concat("calling \"", call.entry, "\": cancelled before it started")));
  ask_to_stop(call.task);
  if (call.over) return;
  // The guest decides how it ends; not for ever.
  Shot::disarm(*this, call.shot);
  call.shot =
      Shot::set(*this, now_ + options_.cancel_grace, [&](Shot& shot) { shot.set_call(call.shared_from_this()); });
}

void Core::overdue(Call& call) {
  if (call.over) return;
  call.shot.reset();
  std::uint32_t task = call.task;
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(runtime_.now() - call.since).count();
  if (!call.started)
    return finish(
        call, fail(Code::deadline, concat("\"", call.entry, "\" could not be started for ", age, " ms: the reactor ",
                                          options_.name, " is in the middle of a turn")));
  abandoned_.insert(task);
  std::string waiting = in_pump_ ? std::string("is in the middle of a turn") : waits_for(call);
  std::string so_far = concat("\"", call.entry, "\" (task ", task, ") has not completed after ", age, " ms",
                              waiting.empty() ? "" : "; it ", waiting);
  if (call.cancel_asked.load()) return finish(call, fail(Code::cancelled, concat("cancelled, but ", so_far)));
  finish(call, fail(Code::deadline, std::move(so_far)));
  if (guest_) ask_to_stop(task);
}

std::string Core::waits_for(const Call& call) {
  std::string out;
  pending_.each([&](std::uint32_t, Pending& pending) {
    if (pending.task == call.task) out += concat(out.empty() ? "waits for " : ", ", describe(pending));
  });
  if (!out.empty() || !guest_) return out;
  std::string words = guest_->describe(call.task);
  return words.empty() ? out : concat("waits for ", words);
}

// Rule 3.
void Core::report_stuck() {
  std::vector<std::shared_ptr<Call>> waiting;
  for (auto& [task, call] : calls_) {
    if (!call->waits_for_calls || !options_.drive) waiting.push_back(call);
  }
  std::sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) { return a->task < b->task; });
  for (auto& call : waiting) {
    std::string why = options_.drive ? waits_for(*call) : std::string("waits for a host that pumps: nobody does");
    abandoned_.insert(call->task);
    finish(*call,
           fail(Code::stuck,
                concat("the reactor ", options_.name, " is idle, and \"", call->entry, "\" (task ", call->task,
                       ") has not completed: it ",
                       why.empty() ? std::string("waits for something that nobody in or outside of the guest will do")
                                   : why)));
  }
}

}  // namespace crank::reactor
