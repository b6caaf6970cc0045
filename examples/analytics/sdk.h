// An analytics SDK as mobile programs carry it (REQUIREMENTS S2.14): events are buffered, sent in batches by size or age,
// retried with exponential backoff and full jitter, kept while there is no network and flushed when it is back.
//
//     track ──> buffer (oldest first, bounded) ──> deliver, one batch at a time ──> ok: leaves the buffer
//                        ^                              │ refused for good: leaves it, counted
//                        └──────── stays, waits ────────┘ failed: random(0, min(cap, base · 2^n)) before the next try
//
// An event leaves the buffer only after its batch was accepted, so a cancelled or failed delivery loses nothing; the
// receiver tells repetitions by the event's id. One source for threads and guests: how a batch travels is the Transport's.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/base/result.h"
#include "examples/delivery/schedule.h"

namespace analytics {

struct Event {
  std::uint64_t id;  // ascending from 1
  std::string name;
  std::int64_t value;
  crank::Instant at;
};

/// Carries one batch, a JSON text. An error with Code::bad_argument is final (the batch is dropped and counted); any other
/// is worth another try. Cancelling the task that awaits it ends the wait.
class Transport {
 public:
  virtual crank::Task<crank::Result<>> deliver(std::string batch) = 0;

 protected:
  ~Transport() = default;
};

struct Options {
  delivery::Pace pace;
  std::size_t capacity = 1000;  ///< beyond it the oldest not just being sent are dropped and counted
};

struct Statistics {
  std::uint64_t tracked = 0, delivered = 0, refused = 0, dropped = 0, attempts = 0;
  std::size_t buffered = 0, flushing = 0;  ///< events; flushes that wait
};

class Sdk : public crank::Actor {
 public:
  /// The transport outlives the SDK and every task in it.
  Sdk(Options options, Transport& transport);

  /// Buffers an event; gives its id. Sending is up to `run`.
  crank::Task<std::uint64_t> track(std::string name, std::int64_t value);
  /// Sends what is due until the task that runs it is cancelled. One at a time; what is buffered then stays.
  crank::Task<> run();
  /// Sends now what was tracked before, and waits until it is gone; Code::cancelled when the task is.
  crank::Task<crank::Result<>> flush();
  /// The embedder's news of the network. Without it nothing is tried; when it is back, all is tried at once.
  crank::Task<> set_online(bool online);
  crank::Task<Statistics> statistics();

 private:
  void remove_up_to(std::uint64_t last);
  void tell_what_is_gone();

  const Options options_;
  Transport& transport_;
  delivery::Schedule schedule_;
  std::deque<Event> buffer_;
  Statistics statistics_;
  std::uint64_t next_id_ = 1, in_flight_ = 0;  // the last id of the batch being sent
};

/// The events as one JSON text: {"events":[{"id":1,"name":"open","value":3},…]}.
std::string encode(const std::vector<Event>& events);

}  // namespace analytics
