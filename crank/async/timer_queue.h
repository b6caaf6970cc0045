// The timers of one runtime: a four-way heap under one short lock, and one job armed by the delayed hook for the earliest.
// Adding and removing allocate nothing once the heap has its size; a removed timer is gone at once, so nothing of a cancelled
// sleep stays behind. What the heap moves is small and dense (an entry is 16 bytes, four children share a cache line); the
// timers themselves, which lie in the sleepers' frames, are touched when they are added and when they fire.
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
  std::uint32_t number_ = idle;  // in the queue's table
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
    std::uint32_t order;  // equal instants fire in the order they were added; it may wrap
    std::uint32_t number;
    bool before(const Entry& other) const noexcept {
      return when != other.when ? when < other.when : static_cast<std::int32_t>(order - other.order) < 0;
    }
  };
  struct Known {
    Timer* timer;
    std::uint32_t slot;  // in the heap; or the next free number
  };
  struct FireJob : Job {
    TimerQueue* queue;
  };
  void fire_due() noexcept;
  void sift_up(std::uint32_t slot) noexcept;
  void sift_down(std::uint32_t slot) noexcept;
  void place(std::uint32_t slot, const Entry& entry) noexcept;
  void arm_locked() noexcept;
  Timer& take_first() noexcept;
  void forget(std::uint32_t number) noexcept;

  Runtime& runtime_;
  FireJob job_;
  detail::Lock lock_;
  std::vector<Entry> heap_;
  std::vector<Known> known_;
  std::uint32_t free_ = Timer::idle;
  std::uint32_t order_ = 0;
  Instant armed_ = Instant::max();
};

}  // namespace crank
