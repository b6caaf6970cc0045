// The timers of one runtime under one short lock, and one job armed by the delayed hook for the earliest. Adding and removing
// allocate nothing once the tables have their size; a removed timer is gone at once, so nothing of a cancelled sleep stays.
//
//     soon:   a four-way heap, exact order           | horizon |   later: a wheel, lists of what falls into one slot
//     [earliest ...................................] |         |   64 slots of 16 us, 64 of 1 ms, 64 of 67 ms, ... 9 levels
//
// Most timers are far away when they are added and many never fire: they are linked into a slot and unlinked again, whatever
// their number. When its slot comes near a timer moves down a level, and at last into the heap, which stays small enough for
// the nearest cache. All of that touches a dense table of 32 bytes a timer; the timers themselves, which lie in the
// sleepers' frames, are touched when they are added and when they fire. A guest has few timers and counts bytes: there the
// heap holds them all.
//
// A timer with tolerance stands at the last moment of its window, and so wakes nobody before. But whenever something else
// does, it fires too if its window has begun and no other timer comes before its last moment. So it has a wake-up of its own
// only when no other timer falls into its window.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "crank/async/job.h"
#include "crank/async/lock.h"

namespace crank {

class Runtime;
class TaskRecord;
/// Time of the runtime in nanoseconds; on a manual executor it is virtual.
using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

/// A timer fires once: `fire` is called by the runtime's timer job, on a thread of the pool, without any lock held, and must
/// be short (typically it enqueues). The owner keeps it alive until it has fired or `remove` said it never will.
struct Timer {
  using Fire = void (*)(Timer&) noexcept;
  constexpr explicit Timer(Fire function = nullptr, TaskRecord* task = nullptr) noexcept
      : fire(function), wakes(task) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Fire fire;
  TaskRecord* wakes;  ///< what `fire` will touch, if it is a task: fetched ahead

 private:
  friend class TimerQueue;
  static constexpr std::uint32_t idle = ~std::uint32_t{0};
  std::uint32_t number_ = idle;  // in the queue's table
  std::uint32_t window_ = 0;     // in ticks, up to the instant in the table
};

class TimerQueue {
 public:
  explicit TimerQueue(Runtime& runtime) noexcept;
  ~TimerQueue();

  /// Fires at `when`. With a tolerance: between `when` and `when + tolerance`, together with another timer if one falls in
  /// between, else at the end. From any thread.
  void add(Timer& timer, Instant when, Duration tolerance = {});
  /// True: the timer will not fire. False: it has fired or is firing.
  bool remove(Timer& timer) noexcept;
  std::size_t size() noexcept;

 private:
  // Rules
  //  1  Whatever is due before the horizon (a number of ticks) is in the heap; whatever is on the wheel is due at or after it.
  //  2  A timer on the wheel stands on the level of the highest six-bit digit in which its tick and the horizon differ, in
  //     the slot of that digit. So slots of a lower level come before those of a higher one.
  //  3  A timer that is earlier than all others goes into the heap at once, wherever the horizon is: armed is always the
  //     first of the heap, unless the first slot of the wheel might hold an earlier one. A near slot is then emptied into the
  //     heap; a far one is looked through for its first, and nothing in it is due before `floor_` afterwards.
#if defined(__wasm__)
  static constexpr bool has_wheel = false;
#else
  static constexpr bool has_wheel = true;
#endif
  static constexpr unsigned tick_bits = 14, digit_bits = 6, slots = 1u << digit_bits, levels = 9;
  static constexpr std::uint32_t none = ~std::uint32_t{0}, in_heap = levels * slots;
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
    Instant when;
    std::uint32_t order;
    std::uint32_t next;  // in its slot's list; or its place in the heap; or the next free number
    std::uint32_t previous;
    std::uint32_t where;  // level and slot, or in_heap
  };
  struct Slot {
    unsigned level, index;
  };
  struct FireJob : Job {
    TimerQueue* queue;
  };
  void fire_due() noexcept;
  void arm(Instant earliest) noexcept;
  Instant find_earliest() noexcept;
  std::uint32_t new_number();
  void forget(std::uint32_t number) noexcept;

  static std::uint64_t tick_of(Instant when) noexcept {
    auto count = when.time_since_epoch().count();
    return count < 0 ? 0 : static_cast<std::uint64_t>(count) >> tick_bits;
  }
  void push_heap(std::uint32_t number);
  void remove_from_heap(std::uint32_t place) noexcept;
  void place(std::uint32_t slot, const Entry& entry) noexcept;
  void sift_up(std::uint32_t slot) noexcept;
  void sift_down(std::uint32_t slot) noexcept;
  Timer& take_first() noexcept;
  bool first_may_fire(Instant now) noexcept;

  std::uint32_t slot_of(Instant when) const noexcept;
  void link(std::uint32_t number) noexcept;
  void unlink(std::uint32_t number) noexcept;
  void advance(std::uint64_t horizon) noexcept;
  void empty_slot(unsigned level, unsigned index) noexcept;
  bool first_slot(Slot& slot) const noexcept;
  void look_through(std::uint32_t where) noexcept;

  Runtime& runtime_;
  FireJob job_;
  detail::Lock lock_;
  std::vector<Entry> heap_;
  std::vector<Known> known_;
  std::uint32_t free_ = none;
  std::uint32_t order_ = 0;
  std::size_t size_ = 0, tolerant_ = 0;
  Instant armed_ = Instant::max();
  std::uint64_t horizon_ = 0;
  std::uint32_t looked_through_ = none;
  Instant floor_;
  std::array<std::uint64_t, has_wheel ? levels : 0> occupied_{};
  std::array<std::uint32_t, has_wheel ? levels * slots : 0> lists_;
};

}  // namespace crank
