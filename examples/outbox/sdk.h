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
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "examples/delivery/schedule.h"
#include "examples/outbox/event_file.h"
#include "examples/outbox/http_post.h"

namespace outbox {

struct Options {
  Address collector;
  delivery::Pace pace;
  crank::Duration timeout = std::chrono::seconds(10);  ///< of one request
};

struct Statistics {
  std::uint64_t tracked = 0, delivered = 0, attempts = 0, failures = 0;
  std::size_t flushing = 0;  ///< flushes that wait
};

class Sdk : public crank::Actor {
 public:
  /// The posts outlive the SDK and every task in it.
  Sdk(Options options, std::unique_ptr<EventFile> file, Post& posts);

  /// Keeps the event; its id. An error of the file: it was not taken.
  crank::Task<crank::Result<std::uint64_t>> track(std::string name);
  /// Delivers until the task that runs it is cancelled. One at a time.
  crank::Task<> run();
  /// Sends now what was tracked before and waits until it is gone; Code::cancelled when the task is.
  crank::Task<crank::Result<>> flush();
  /// The embedder's news of the network.
  crank::Task<> set_online(bool online);
  crank::Task<Statistics> statistics();

 private:
  void count();
  void delivered(const std::vector<Event>& batch);

  const Options options_;
  const std::unique_ptr<EventFile> file_;
  Post& posts_;
  delivery::Schedule schedule_;
  Statistics statistics_;
  std::size_t waiting_ = 0;      // events in the file
  std::uint64_t newest_ = 0;     // id of the last tracked or found
  std::uint64_t oldest_id_ = 1;  // nothing below is in the file
  crank::Instant oldest_at_{};
};

}  // namespace outbox
