// One worker of a pool and what the workers share. Internal to pool.cc and pool_worker.cc.
//
// Rules of sleeping
//  1  A worker sets its bit in `idle`, then looks at every queue once more, then parks. Who posts from outside pushes first
//     and reads `idle` afterwards; both in one total order. So a job posted to sleeping workers wakes one of them.
//  2  Who clears a bit owns the wake-up: it unparks that worker. A worker that wakes by itself clears its own bit.
//  3  A worker's own push needs no such order: the pusher is awake and will run the job itself.
//  4  At most one idle worker is the guard: it parks only until the next timer, and briefly while others are busy. It says
//     until when in `guarded_until`; who parks and sees a timer before that keeps it himself. So a timer armed by a worker is
//     kept by the guard or by that worker.
//  5  The monitor thread ticks while workers are busy: it names blocked ones and wakes a sleeper when work or a timer has
//     been waiting behind a long turn. When nothing has run for a while it sleeps until a worker wakes it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "crank/async/escalation.h"
#include "crank/async/main_loop.h"
#include "crank/async/pool.h"
#include "crank/async/turn.h"
#include "crank/async/worker_queues.h"

namespace crank {

/// Many push, one takes all.
class JobStack {
 public:
  void push(Job& job) noexcept {
    Job* seen = newest_.load(std::memory_order_relaxed);
    do {
      job.next = seen;
    } while (!newest_.compare_exchange_weak(seen, &job, std::memory_order_seq_cst, std::memory_order_relaxed));
  }
  bool empty() const noexcept { return newest_.load(std::memory_order_seq_cst) == nullptr; }
  /// Newest first, linked by `next`.
  Job* take_newest_first() noexcept { return empty() ? nullptr : newest_.exchange(nullptr, std::memory_order_acquire); }

 private:
  std::atomic<Job*> newest_{nullptr};
};

class alignas(128) PoolWorker : public detail::WorkerQueues {
 public:
  PoolWorker(Pool::State& pool, unsigned index) noexcept;

  void run();
  using WorkerQueues::push;
  void push(Job& job);  // on this worker's thread
  void look_around() noexcept { tick_ = fairness_interval - 1; }
  void lend(Duration at_most) noexcept;
  void sort_again();  // pool_escalation.cc

  Pool::State& pool() noexcept { return pool_; }
  unsigned index() const noexcept { return index_; }

 private:
  friend class Pool;
  friend struct Pool::State;
  friend class detail::WorkerQueues;
  Job* next();
  Job* next_to_lend();
  Job* pop_own() noexcept;
  Job* take_posted();
  Job* take_inbox();
  Job* steal_from_others();
  Job* search(bool steals = true);
  Job* wait_for_work();
  Job* timer_if_due() noexcept;
  std::chrono::nanoseconds put_off_stealing() noexcept;

  Pool::State& pool_;
  const unsigned index_;
  static constexpr std::uint32_t fairness_interval = 61;
  static constexpr unsigned most_lent = 3;
  unsigned lent_ = 0;     // levels of lend() on this stack
  bool in_loop_ = false;  // completions of the event loop run
  std::uint32_t tick_ = 0;
  detail::EscalationWatch watch_;
  std::uint32_t since_wake_ = 0;
  unsigned victim_ = 0;
  std::uint32_t backoff_us_ = 50;
  std::chrono::steady_clock::time_point stolen_at_{};  // the last steal, until this worker has run out of work
  std::chrono::nanoseconds put_off_{0};
  // A pool that ends lets its work come to rest, but work that goes on for ever does not hold it.
  static constexpr std::uint32_t most_jobs_while_stopping = 1u << 16;
  std::uint32_t jobs_while_stopping_ = 0;
  JobList posted_jobs_;
  std::unique_ptr<Parker> parker_;
  std::thread thread_;
  // Shared with other threads:
  alignas(128) JobStack posted_;
  std::atomic<std::uint32_t> jobs_run_{0};
  std::atomic<bool> ready_{false};
};

struct Pool::State {
  explicit State(PoolOptions chosen);

  void post_outside(Job& job) noexcept;
  bool wake_one() noexcept;
  void wake(unsigned worker) noexcept;
  bool anything_queued() const noexcept;
  void set_deadline(Job& job, Instant when) noexcept;
  void monitor();
  void wake_monitor() noexcept;

  Pool* pool = nullptr;
  PoolOptions options;
  MainLoop main_loop;
  Runtime runtime;
  std::vector<std::unique_ptr<PoolWorker>> workers;
  std::uint64_t everyone = 0;

  alignas(128) std::atomic<std::uint64_t> idle{0};
  std::atomic<std::uint32_t> searching{0};
  std::atomic<bool> stopping{false};
  std::atomic<int> guard{-1};
  std::atomic<Instant::rep> guarded_until{Instant::max().time_since_epoch().count()};
  alignas(128) JobStack inbox;
  alignas(128) std::atomic<Instant::rep> deadline{Instant::max().time_since_epoch().count()};
  std::atomic<Job*> timer_job{nullptr};

  std::thread monitor_thread;
  std::mutex monitor_mutex;
  std::condition_variable monitor_changed;
  std::atomic<bool> monitor_asleep{false};
};

}  // namespace crank
