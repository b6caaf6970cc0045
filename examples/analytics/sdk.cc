#include "examples/analytics/sdk.h"

#include <algorithm>

#include "crank/async/runtime.h"
#include "crank/base/text.h"
#include "examples/analytics/json.h"

namespace analytics {

using crank::Code;
using crank::Result;
using crank::Task;

Sdk::Sdk(Options options, Transport& transport) : options_(options), transport_(transport), schedule_(options.pace) {}

Task<std::uint64_t> Sdk::track(std::string name, std::int64_t value) {
  std::uint64_t id = next_id_++;
  buffer_.push_back({id, std::move(name), value, crank::current_runtime()->now()});
  ++statistics_.tracked;
  if (buffer_.size() > options_.capacity) {
    ++statistics_.dropped;
    buffer_.erase(std::ranges::find_if(buffer_, [&](const Event& event) { return event.id > in_flight_; }));
    tell_what_is_gone();
  }
  // The sender sleeps without a timer while there is nothing to send.
  if (buffer_.size() == 1 || buffer_.size() >= options_.pace.batch) schedule_.wake();
  co_return id;
}

void Sdk::remove_up_to(std::uint64_t last) {
  while (!buffer_.empty() && buffer_.front().id <= last) buffer_.pop_front();
  tell_what_is_gone();
}

void Sdk::tell_what_is_gone() { schedule_.gone_below(buffer_.empty() ? next_id_ : buffer_.front().id); }

Task<> Sdk::run() {
  while (!crank::is_cancelled()) {
    bool any = !buffer_.empty();
    if (!co_await schedule_.is_due(
            {buffer_.size(), any ? buffer_.front().id : 0, any ? buffer_.front().at : crank::Instant()}))
      continue;
    auto end = buffer_.begin() + static_cast<std::ptrdiff_t>(std::min(options_.pace.batch, buffer_.size()));
    std::vector<Event> batch(buffer_.begin(), end);
    ++statistics_.attempts;
    in_flight_ = batch.back().id;
    // Others are on this actor meanwhile: events are added behind, and none of the batch is dropped.
    Result<> sent = co_await transport_.deliver(encode(batch));
    std::uint64_t last = std::exchange(in_flight_, 0);
    if (sent) {
      schedule_.delivered();
      statistics_.delivered += batch.size();
      remove_up_to(last);
    } else if (sent.error().code() == Code::bad_argument) {
      statistics_.refused += batch.size();
      remove_up_to(last);
    } else if (sent.error().code() != Code::cancelled) {
      schedule_.failed();
    }
  }
}

Task<Result<>> Sdk::flush() {
  if (buffer_.empty()) co_return Result<>();
  co_return co_await schedule_.flush(buffer_.back().id);
}

Task<> Sdk::set_online(bool online) {
  schedule_.set_online(online, buffer_.empty() ? 0 : buffer_.back().id);
  co_return;
}

Task<Statistics> Sdk::statistics() {
  Statistics all = statistics_;
  all.buffered = buffer_.size();
  all.flushing = schedule_.flushing();
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
