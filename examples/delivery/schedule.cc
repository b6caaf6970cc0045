#include "examples/delivery/schedule.h"

#include <algorithm>
#include <utility>

#include "crank/async/runtime.h"
#include "crank/async/timeout.h"

namespace delivery {

using crank::Duration;
using crank::Instant;
using crank::Result;
using crank::Task;

namespace {
Instant now() { return crank::current_runtime()->now(); }
Task<bool> next_of(crank::Stream<bool>& stream) { co_return (co_await stream.next()).has_value(); }
}  // namespace

Duration Backoff::pause(unsigned failures) noexcept {
  Duration bound = pace_.backoff;
  for (unsigned n = 1; n < failures && bound < pace_.backoff_cap; ++n) bound *= 2;
  bound = std::min(bound, pace_.backoff_cap);
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return Duration(static_cast<Duration::rep>(random_ % static_cast<std::uint64_t>(bound.count() + 1)));
}

Schedule::Schedule(const Pace& pace) : Schedule(pace, crank::make_stream<bool>(crank::Buffering::latest(1))) {}
Schedule::Schedule(const Pace& pace, crank::StreamEnds<bool> wakes)
    : pace_(pace), backoff_(pace_), wake_(std::move(wakes.source)), woken_(std::move(wakes.stream)) {}

// Instant::max(): not before somebody wakes the sender.
Instant Schedule::due(const Backlog& backlog) const {
  if (backlog.events == 0 || !online_) return Instant::max();
  bool at_once = backlog.events >= pace_.batch || backlog.oldest <= due_to_;
  return std::max(at_once ? Instant::min() : backlog.oldest_at + pace_.max_age, not_before_);
}

Task<bool> Schedule::is_due(Backlog backlog) {
  Instant when = due(backlog);
  if (when <= now()) co_return true;
  // Without a timer while there is nothing to send.
  if (when == Instant::max())
    std::ignore = co_await woken_.next();
  else
    std::ignore = co_await crank::with_deadline(when, next_of(woken_));
  co_return false;
}

void Schedule::failed() {
  ++all_failures_;
  not_before_ = now() + backoff_.pause(++failures_);
}

void Schedule::delivered() {
  failures_ = 0;
  not_before_ = {};
}

void Schedule::gone_below(std::uint64_t oldest) {
  std::erase_if(waiters_, [&](Waiter* waiter) {
    if (oldest <= waiter->until) return false;
    waiter->gone.yield(true);
    return true;
  });
}

Task<Result<>> Schedule::flush(std::uint64_t newest) {
  due_at_once(newest);
  auto [source, gone] = crank::make_stream<bool>(crank::Buffering::latest(1));
  Waiter waiter{newest, std::move(source)};
  waiters_.push_back(&waiter);
  wake();
  if (co_await gone.next()) co_return Result<>();
  std::erase(waiters_, &waiter);
  co_return crank::fail(crank::Code::cancelled, "the flush was cancelled; what was not sent stays");
}

void Schedule::due_at_once(std::uint64_t newest) { due_to_ = std::max(due_to_, newest); }

void Schedule::set_online(bool online, std::uint64_t newest) {
  bool was = std::exchange(online_, online);
  if (!online || was) return;
  delivered();  // the network is another one: failures before do not count
  due_at_once(newest);
  wake();
}

}  // namespace delivery
