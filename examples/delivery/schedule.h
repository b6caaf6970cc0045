// What an SDK that delivers events in batches has besides the events (REQUIREMENTS S2.14): when the next batch is due, how
// long to wait after a failure, and who waits until what is gone. examples/analytics keeps its events in memory,
// examples/outbox in a file; this is the same in both.
//
//     while (!crank::is_cancelled()) {
//       if (!co_await schedule.is_due(backlog())) continue;      // it waited: look again
//       ... deliver the oldest batch ...
//       ok ? schedule.delivered() : schedule.failed();
//       schedule.gone_below(oldest id that is left);
//     }
//
// Used on its SDK's actor alone: no locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "crank/async/stream.h"
#include "crank/async/task.h"
#include "crank/async/timer_queue.h"
#include "crank/base/result.h"

namespace delivery {

struct Pace {
  std::size_t batch = 20;                             ///< events in a batch; so many are sent at once
  crank::Duration max_age = std::chrono::seconds(5);  ///< no event waits longer than that for company
  crank::Duration backoff =
      std::chrono::milliseconds(200);  ///< the first retry comes within that time, on average half
  crank::Duration backoff_cap = std::chrono::seconds(30);
  std::uint64_t seed = 1;  ///< of the jitter
};

/// How long to wait after failures in a row: full jitter, anywhere between now and the exponential bound, so that many
/// devices do not come back together.
class Backoff {
 public:
  explicit Backoff(const Pace& pace) noexcept : pace_(pace), random_(pace.seed ? pace.seed : 1) {}
  /// After that many failures, from 1.
  crank::Duration pause(unsigned failures) noexcept;

 private:
  const Pace& pace_;
  std::uint64_t random_;
};

/// What waits to be sent. Ids ascend and are never used again.
struct Backlog {
  std::size_t events;
  std::uint64_t oldest;  ///< its id
  crank::Instant oldest_at;
};

class Schedule {
 public:
  explicit Schedule(const Pace& pace);
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  /// True: a batch is to be sent now. False: it waited until one may be, or for a wake, or the task was cancelled.
  crank::Task<bool> is_due(Backlog backlog);
  /// Whoever waits in `is_due` looks again: there are events that were not there.
  void wake() { wake_.yield(true); }

  void failed();
  void delivered();
  /// Everything with a smaller id is gone, delivered or not.
  void gone_below(std::uint64_t oldest);

  /// Sends up to `newest` at once and waits until it is gone; Code::cancelled when the task is, which leaves nothing behind.
  crank::Task<crank::Result<>> flush(std::uint64_t newest);
  /// Up to that id all is due.
  void due_at_once(std::uint64_t newest);
  /// The embedder's news of the network. Offline nothing is due; back online all up to `newest` is, at once.
  void set_online(bool online, std::uint64_t newest);

  std::uint64_t failures() const noexcept { return all_failures_; }
  /// Flushes that wait.
  std::size_t flushing() const noexcept { return waiters_.size(); }

 private:
  struct Waiter {
    std::uint64_t until;  // the id that must be gone
    crank::StreamSource<bool> gone;
  };
  Schedule(const Pace& pace, crank::StreamEnds<bool> wakes);
  crank::Instant due(const Backlog& backlog) const;

  const Pace pace_;
  Backoff backoff_;
  crank::StreamSource<bool> wake_;
  crank::Stream<bool> woken_;
  std::vector<Waiter*> waiters_;  // in the frames of their flushes
  std::uint64_t due_to_ = 0, all_failures_ = 0;
  unsigned failures_ = 0;
  bool online_ = true;
  crank::Instant not_before_{};
};

}  // namespace delivery
