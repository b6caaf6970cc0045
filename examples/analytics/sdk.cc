#include "examples/analytics/sdk.h"

#include <algorithm>

#include "crank/async/timeout.h"
#include "crank/base/text.h"
#include "examples/analytics/json.h"

namespace analytics {

using crank::Code;
using crank::Duration;
using crank::Instant;
using crank::Result;
using crank::Task;

namespace {
Task<bool> next_of(crank::Stream<bool>& stream) { co_return (co_await stream.next()).has_value(); }
}  // namespace

Sdk::Sdk(Options options, Transport& transport)
    : Sdk(options, transport, crank::make_stream<bool>(crank::Buffering::latest(1))) {}

Sdk::Sdk(Options options, Transport& transport, crank::StreamEnds<bool> wakes)
    : options_(options),
      transport_(transport),
      wake_(std::move(wakes.source)),
      woken_(std::move(wakes.stream)),
      random_(options.seed ? options.seed : 1) {}

Instant Sdk::now() const { return crank::current_runtime()->now(); }

// Full jitter: anywhere between now and the exponential bound, so that many devices do not come back together.
Duration Sdk::jitter() {
  Duration bound = options_.backoff;
  for (unsigned n = 1; n < failures_ && bound < options_.backoff_cap; ++n) bound *= 2;
  bound = std::min(bound, options_.backoff_cap);
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return Duration(static_cast<Duration::rep>(random_ % static_cast<std::uint64_t>(bound.count() + 1)));
}

// When the next batch is due; Instant::max() when nothing is, until somebody wakes the sender.
Instant Sdk::next_attempt() const {
  if (buffer_.empty() || !online_) return Instant::max();
  bool at_once = buffer_.size() >= options_.batch || buffer_.front().id <= flush_until_;
  return std::max(at_once ? Instant::min() : buffer_.front().at + options_.max_age, not_before_);
}

Task<std::uint64_t> Sdk::track(std::string name, std::int64_t value) {
  std::uint64_t id = next_id_++;
  buffer_.push_back({id, std::move(name), value, now()});
  ++statistics_.tracked;
  if (buffer_.size() > options_.capacity) {
    ++statistics_.dropped;
    buffer_.erase(std::ranges::find_if(buffer_, [&](const Event& event) { return event.id > in_flight_; }));
    tell_waiters();
  }
  // The sender sleeps without a timer while there is nothing to send.
  if (buffer_.size() == 1 || buffer_.size() >= options_.batch) wake_.yield(true);
  co_return id;
}

void Sdk::remove_up_to(std::uint64_t last) {
  while (!buffer_.empty() && buffer_.front().id <= last) buffer_.pop_front();
  tell_waiters();
}

void Sdk::tell_waiters() {
  std::erase_if(waiters_, [&](Waiter& waiter) {
    if (!buffer_.empty() && buffer_.front().id <= waiter.until) return false;
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
    std::vector<Event> batch(buffer_.begin(),
                             buffer_.begin() + static_cast<std::ptrdiff_t>(std::min(options_.batch, buffer_.size())));
    ++statistics_.attempts;
    in_flight_ = batch.back().id;
    // Others are on this actor meanwhile: events are added behind, and none of the batch is dropped.
    Result<> sent = co_await transport_.deliver(encode(batch));
    std::uint64_t last = std::exchange(in_flight_, 0);
    if (sent) {
      failures_ = 0;
      not_before_ = {};
      statistics_.delivered += batch.size();
      remove_up_to(last);
    } else if (sent.error().code() == Code::bad_argument) {
      statistics_.refused += batch.size();
      remove_up_to(last);
    } else if (sent.error().code() != Code::cancelled) {
      ++failures_;
      not_before_ = now() + jitter();
    }
  }
}

Task<Result<>> Sdk::flush() {
  if (buffer_.empty()) co_return Result<>();
  flush_until_ = std::max(flush_until_, buffer_.back().id);
  auto [source, done] = crank::make_stream<bool>(crank::Buffering::latest(1));
  waiters_.push_back({buffer_.back().id, std::move(source)});
  wake_.yield(true);
  if (co_await done.next()) co_return Result<>();
  co_return crank::fail(Code::cancelled, "the flush was cancelled; what is buffered stays");
}

Task<> Sdk::set_online(bool online) {
  bool back = online && !online_;
  online_ = online;
  if (!back) co_return;
  failures_ = 0;
  not_before_ = {};
  if (!buffer_.empty()) flush_until_ = buffer_.back().id;
  wake_.yield(true);
}

Task<Statistics> Sdk::statistics() {
  Statistics all = statistics_;
  all.buffered = buffer_.size();
  co_return all;
}

std::string encode(const std::vector<Event>& events) {
  std::string out = "{\"events\":[";
  for (const Event& event : events) {
    if (out.back() != '[') out.push_back(',');
    out.append(crank::concat("{\"id\":", event.id, ",\"name\":"));
    json::append_quoted(out, event.name);
    out.append(crank::concat(",\"value\":", event.value, "}"));
  }
  return out.append("]}");
}

}  // namespace analytics
