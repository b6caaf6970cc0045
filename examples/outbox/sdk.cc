#include "examples/outbox/sdk.h"

#include <algorithm>

#include "crank/async/timeout.h"

namespace outbox {

using crank::Code;
using crank::Duration;
using crank::Instant;
using crank::Result;
using crank::Task;

namespace {
Task<bool> next_of(crank::Stream<bool>& stream) { co_return (co_await stream.next()).has_value(); }

// A line for each event: "17 tap".
std::string encode(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) text += crank::concat(event.id, " ", event.name, "\n");
  return text;
}
}  // namespace

Sdk::Sdk(Options options, std::unique_ptr<EventFile> file, HttpPost& posts)
    : Sdk(std::move(options), std::move(file), posts, crank::make_stream<bool>(crank::Buffering::latest(1))) {}

Sdk::Sdk(Options options, std::unique_ptr<EventFile> file, HttpPost& posts, crank::StreamEnds<bool> wakes)
    : options_(std::move(options)),
      file_(std::move(file)),
      posts_(posts),
      wake_(std::move(wakes.source)),
      woken_(std::move(wakes.stream)),
      dice_(options_.seed) {
  // What an earlier run of the program left is due at once.
  auto found = file_->content().value_or(EventFile::Content{1, 1});  // unreadable now: look when it is
  waiting_ = found.count;
  newest_ = flush_to_ = found.newest;
}

Instant Sdk::now() const { return crank::current_runtime()->now(); }

// When the next batch is due; Instant::max(): not before somebody wakes the sender.
Instant Sdk::next_attempt() const {
  if (waiting_ == 0 || !online_) return Instant::max();
  bool at_once = waiting_ >= options_.batch || oldest_id_ <= flush_to_;
  return std::max(at_once ? Instant::min() : oldest_at_ + options_.max_age, not_before_);
}

Task<Result<std::int64_t>> Sdk::track(std::string name) {
  auto id = file_->add(name);
  if (!id) co_return std::unexpected(std::move(id).error());
  ++statistics_.tracked;
  newest_ = *id;
  if (waiting_++ == 0) {
    oldest_id_ = *id;
    oldest_at_ = now();
  }
  if (waiting_ == 1 || waiting_ == options_.batch) wake_.yield(true);
  co_return id;
}

Duration retry_pause(const Options& options, unsigned failures, std::mt19937_64& dice) {
  Duration bound = options.backoff;
  for (unsigned n = 1; n < failures && bound < options.backoff_cap; ++n) bound *= 2;
  std::uniform_int_distribution<Duration::rep> spread(0, std::min(bound, options.backoff_cap).count());
  return Duration(spread(dice));
}

void Sdk::failed() {
  ++statistics_.failures;
  not_before_ = now() + retry_pause(options_, ++failures_, dice_);
}

void Sdk::delivered(const std::vector<Event>& batch) {
  failures_ = 0;
  not_before_ = {};
  statistics_.delivered += batch.size();
  waiting_ -= std::min(waiting_, batch.size());
  oldest_id_ = batch.back().id + 1;
  oldest_at_ = now();  // of the next one: at most one more max_age
  if (waiting_ == 0) flush_to_ = 0;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    if (oldest_id_ <= waiter.until) return false;
    waiter.done.yield(true);
    return true;
  });
}

Task<> Sdk::run() {
  while (!crank::is_cancelled()) {
    Instant due = next_attempt();
    if (due == Instant::max()) {
      if (!co_await woken_.next()) break;
      continue;
    }
    if (due > now()) {
      std::ignore = co_await crank::with_deadline(due, next_of(woken_));
      continue;
    }
    auto batch = file_->oldest(options_.batch);
    if (!batch) {
      failed();
      continue;
    }
    if (batch->empty()) {
      waiting_ = 0;
      continue;
    }
    ++statistics_.attempts;
    // Others are on this actor meanwhile; they only add behind.
    auto status =
        co_await crank::with_timeout(options_.timeout, posts_.post(options_.collector, "/events", encode(*batch)));
    if (status && *status == 200 && file_->remove_up_to(batch->back().id))
      delivered(*batch);
    else if (!crank::is_cancelled())
      failed();
  }
}

Task<Result<>> Sdk::flush() {
  if (waiting_ == 0) co_return Result<>();
  flush_to_ = std::max(flush_to_, newest_);
  auto [source, done] = crank::make_stream<bool>(crank::Buffering::latest(1));
  waiters_.push_back({newest_, std::move(source)});
  wake_.yield(true);
  if (co_await done.next()) co_return Result<>();
  co_return crank::fail(Code::cancelled, "the flush was cancelled; what is in the file stays");
}

Task<> Sdk::set_online(bool online) {
  bool back = online && !online_;
  online_ = online;
  if (!back) co_return;
  failures_ = 0;
  not_before_ = {};
  flush_to_ = newest_;
  wake_.yield(true);
}

Task<Statistics> Sdk::statistics() { co_return statistics_; }

}  // namespace outbox
