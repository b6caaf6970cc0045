// The timers of one runtime: a four-way heap of (instant, timer), under one short lock, and one job armed by the delayed
// hook for the earliest. Adding and removing allocate nothing once the heap has its size; a removed timer is gone at once,
// so nothing of a cancelled sleep stays behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "crank/async/job.h"
#include "crank/async/lock.h"

namespace crank {

class Runtime;
/// Time of the runtime in nanoseconds; on a manual executor it is virtual.
using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// A timer fires once: `fire` is called by the runtime's timer job, on a thread of the pool, without any lock held, and must
/// be short (typically it enqueues). The owner keeps it alive until it has fired or `remove` said it never will.
struct Timer {
  using Fire = void (*)(Timer&) noexcept;
  constexpr explicit Timer(Fire function = nullptr) noexcept : fire(function) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Fire fire;

 private:
  friend class TimerQueue;
  static constexpr std::uint32_t idle = ~std::uint32_t{0};
  std::uint32_t slot_ = idle;
};

class TimerQueue {
 public:
  explicit TimerQueue(Runtime& runtime) noexcept;
  ~TimerQueue();

  /// Fires at `when` or up to `tolerance` later, when that saves a wake-up. From any thread.
  void add(Timer& timer, Instant when, Duration tolerance = {});
  /// True: the timer will not fire. False: it has fired or is firing.
  bool remove(Timer& timer) noexcept;
  std::size_t size() noexcept;

 private:
  struct Entry {
    Instant when;
    std::uint64_t order;  // equal instants fire in the order they were added
    Timer* timer;
    bool before(const Entry& other) const noexcept {
      return when != other.when ? when < other.when : order < other.order;
    }
  };
  struct FireJob : Job {
    TimerQueue* queue;
  };
  void fire_due() noexcept;
  void sift_up(std::uint32_t slot) noexcept;
  void sift_down(std::uint32_t slot) noexcept;
  void place(std::uint32_t slot, const Entry& entry) noexcept;
  void arm_locked() noexcept;

  Runtime& runtime_;
  FireJob job_;
  detail::Lock lock_;
  std::vector<Entry> heap_;
  std::uint64_t order_ = 0;
  Instant armed_ = Instant::max();
};

}  // namespace crank
