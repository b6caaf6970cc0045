#include "examples/outbox/sdk.h"

#include <algorithm>

#include "crank/async/runtime.h"
#include "crank/async/timeout.h"

namespace outbox {

using crank::Result;
using crank::Task;

namespace {
// A line for each event: "17 tap".
std::string encode(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) text += crank::concat(event.id, " ", event.name, "\n");
  return text;
}
}  // namespace

Sdk::Sdk(Options options, std::unique_ptr<EventFile> file, Post& posts)
    : options_(std::move(options)), file_(std::move(file)), posts_(posts), schedule_(options_.pace) {
  // What an earlier run of the program left is due at once.
  count();
  schedule_.due_at_once(newest_);
}

// What is in the file; while it cannot be read, something is taken to be.
void Sdk::count() {
  auto found = file_->content().value_or(EventFile::Content{1, std::max<std::uint64_t>(newest_, 1)});
  waiting_ = found.count;
  newest_ = std::max(newest_, found.newest);
}

Task<Result<std::uint64_t>> Sdk::track(std::string name) {
  auto id = file_->add(name);
  if (!id) co_return std::unexpected(std::move(id).error());
  ++statistics_.tracked;
  newest_ = *id;
  if (waiting_++ == 0) {
    oldest_id_ = *id;
    oldest_at_ = crank::current_runtime()->now();
  }
  if (waiting_ == 1 || waiting_ == options_.pace.batch) schedule_.wake();
  co_return id;
}

void Sdk::delivered(const std::vector<Event>& batch) {
  schedule_.delivered();
  statistics_.delivered += batch.size();
  oldest_id_ = batch.back().id + 1;
  oldest_at_ = crank::current_runtime()->now();  // of the next one: at most one more max_age
  if (waiting_ > batch.size())
    waiting_ -= batch.size();
  else
    count();  // none, unless it could not be counted before
  schedule_.gone_below(oldest_id_);
}

Task<> Sdk::run() {
  while (!crank::is_cancelled()) {
    if (!co_await schedule_.is_due({waiting_, oldest_id_, oldest_at_})) continue;
    auto batch = file_->oldest(options_.pace.batch);
    if (!batch) {
      schedule_.failed();
      continue;
    }
    if (batch->empty()) {
      waiting_ = 0;
      schedule_.gone_below(newest_ + 1);
      continue;
    }
    ++statistics_.attempts;
    // Others are on this actor meanwhile; they only add behind.
    auto status =
        co_await crank::with_timeout(options_.timeout, posts_.post(options_.collector, "/events", encode(*batch)));
    if (status && *status == 200 && file_->remove_up_to(batch->back().id))
      delivered(*batch);
    else if (!crank::is_cancelled())
      schedule_.failed();
  }
}

Task<Result<>> Sdk::flush() {
  if (waiting_ == 0) co_return Result<>();
  co_return co_await schedule_.flush(newest_);
}

Task<> Sdk::set_online(bool online) {
  schedule_.set_online(online, newest_);
  co_return;
}

Task<Statistics> Sdk::statistics() {
  Statistics all = statistics_;
  all.failures = schedule_.failures();
  all.flushing = schedule_.flushing();
  co_return all;
}

}  // namespace outbox
