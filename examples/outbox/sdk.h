// Analytics that arrive (REQUIREMENTS S2.14): events go to a SQLite file first, and from there in batches to a
// collector over HTTP.
//
//     track ──> file ──> batch: full, or its oldest is old enough, or flushed ──> POST ──> 200: out of the file
//                ^                                                                  │
//                └───── stays; next try after random(0, min(cap, base · 2^n)) <─────┘ anything else, or no answer in time
//
// An event leaves the file only when its batch was accepted. So an answer that is lost sends events again, under the
// same ids, by which the collector knows them; cancelling `run` at any point loses nothing, and the next run, or the
// next start of the program, goes on from the file. Offline nothing is tried; back online everything is, at once.
#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/stream.h"
#include "crank/async/timer_queue.h"
#include "examples/outbox/event_file.h"
#include "examples/outbox/http_post.h"

namespace outbox {

struct Options {
  Address collector;
  std::size_t batch = 20;                             ///< so many are sent at once
  crank::Duration max_age = std::chrono::seconds(5);  ///< no event waits longer than that for company
  crank::Duration timeout = std::chrono::seconds(10);
  crank::Duration backoff = std::chrono::milliseconds(200);
  crank::Duration backoff_cap = std::chrono::seconds(30);
  std::uint64_t seed = 1;  ///< of the jitter
};

struct Statistics {
  std::uint64_t tracked = 0, delivered = 0, attempts = 0, failures = 0;
};

/// How long to wait after that many failures in a row (from 1): full jitter, anywhere between now and the exponential
/// bound, so that many devices do not come back together.
crank::Duration retry_pause(const Options& options, unsigned failures, std::mt19937_64& dice);

class Sdk : public crank::Actor {
 public:
  /// The posts outlive the SDK and every task in it.
  Sdk(Options options, std::unique_ptr<EventFile> file, HttpPost& posts);

  /// Keeps the event; its id. An error of the file: it was not taken.
  crank::Task<crank::Result<std::int64_t>> track(std::string name);
  /// Delivers until the task that runs it is cancelled. One at a time.
  crank::Task<> run();
  /// Sends now what was tracked before and waits until it is gone; Code::cancelled when the task is.
  crank::Task<crank::Result<>> flush();
  /// The embedder's news of the network.
  crank::Task<> set_online(bool online);
  crank::Task<Statistics> statistics();

 private:
  Sdk(Options options, std::unique_ptr<EventFile> file, HttpPost& posts, crank::StreamEnds<bool> wakes);
  struct Waiter {
    std::int64_t until;  // the id that must be gone
    crank::StreamSource<bool> done;
  };
  crank::Instant now() const;
  crank::Instant next_attempt() const;
  void failed();
  void delivered(const std::vector<Event>& batch);

  const Options options_;
  const std::unique_ptr<EventFile> file_;
  HttpPost& posts_;
  crank::StreamSource<bool> wake_;
  crank::Stream<bool> woken_;
  std::vector<Waiter> waiters_;
  Statistics statistics_;
  std::mt19937_64 dice_;
  std::size_t waiting_ = 0;     // events in the file
  std::int64_t newest_ = 0;     // id of the last tracked or found
  std::int64_t flush_to_ = 0;   // ids up to here are due now
  std::int64_t oldest_id_ = 1;  // nothing below is in the file
  crank::Instant oldest_at_{}, not_before_{};
  unsigned failures_ = 0;
  bool online_ = true;
};

}  // namespace outbox
