// A work-stealing deque (Chase and Lev 2005, with the orderings of Le and others 2013): the owner pushes and pops at the
// bottom, thieves take from the top. The fence that the owner's pop needs is moved to the thief, who pays for it with a
// system call (`membarrier`) where the kernel has it; else the owner's pop is one exchange.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "crank/async/asymmetric_fence.h"
#include "crank/async/job.h"

namespace crank::detail {

class WorkDeque {
 public:
  WorkDeque() : ring_(new Ring(256)) { rings_.emplace_back(ring_.load(std::memory_order_relaxed)); }

  /// Owner. How many are there now, roughly. `soon` is memory that running the job will touch first; it is fetched when the
  /// job's turn comes near, since with many tasks neither their records nor their frames are in the cache.
  std::int64_t push(Job* job, const void* soon = nullptr) {
    std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
    std::int64_t top = top_.load(std::memory_order_acquire);
    Ring* ring = ring_.load(std::memory_order_relaxed);
    if (bottom - top > ring->mask) [[unlikely]]
      ring = grow(ring, top, bottom);
    Slot& slot = ring->at(bottom);
    slot.job.store(job, std::memory_order_relaxed);
    slot.soon = soon;
    bottom_.store(bottom + 1, std::memory_order_release);
    return bottom + 1 - top;
  }

  /// Owner: the newest.
  Job* pop() noexcept {
    std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
    if (bottom < top_.load(std::memory_order_relaxed)) return nullptr;
    // Publish the claim before reading top; a thief reads them the other way round (steal).
    if (asymmetric_fences()) {
      bottom_.store(bottom, std::memory_order_relaxed);
      light_fence();
    } else {
      bottom_.exchange(bottom, std::memory_order_seq_cst);
    }
    std::int64_t top = top_.load(std::memory_order_relaxed);
    if (top >= bottom) [[unlikely]]
      return pop_last(top, bottom);
    Ring* ring = ring_.load(std::memory_order_relaxed);
    // Few that wait are in the cache already.
    if (bottom - top >= deep) [[unlikely]]
      ring->fetch(bottom - 2);
    return ring->job(bottom);
  }

  /// Owner: the newest, if it is this one.
  [[gnu::always_inline]] bool pop_if(Job* job) noexcept {
    std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
    if (ring_.load(std::memory_order_relaxed)->job(bottom - 1) != job) return false;
    return pop() == job;
  }

  /// Owner: the oldest. Needs no fence, since the owner is not popping meanwhile.
  Job* pop_oldest() noexcept {
    std::int64_t top = top_.load(std::memory_order_acquire);
    if (bottom_.load(std::memory_order_relaxed) <= top) return nullptr;
    Job* job = ring_.load(std::memory_order_relaxed)->job(top);
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
      return nullptr;
    return job;
  }

  /// Any thread: the oldest, or null when empty or when another thread was quicker.
  Job* steal() noexcept {
    std::int64_t top = top_.load(std::memory_order_acquire);
    if (bottom_.load(std::memory_order_relaxed) <= top) return nullptr;
    if (asymmetric_fences()) {
      heavy_fence();
    }
    std::int64_t bottom =
        asymmetric_fences() ? bottom_.load(std::memory_order_acquire) : bottom_.fetch_add(0, std::memory_order_seq_cst);
    if (bottom <= top) return nullptr;
    Job* job = ring_.load(std::memory_order_acquire)->job(top);
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
      return nullptr;
    return job;
  }

  /// Roughly; from any thread.
  std::int64_t size() const noexcept {
    return bottom_.load(std::memory_order_relaxed) - top_.load(std::memory_order_relaxed);
  }

 private:
  // `bottom` is claimed, and was the last one, or a thief's already.
  CRANK_COLD Job* pop_last(std::int64_t top, std::int64_t bottom) noexcept {
    Job* job = nullptr;
    if (top == bottom) {
      job = ring_.load(std::memory_order_relaxed)->job(bottom);
      if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
        job = nullptr;
    }
    bottom_.store(bottom + 1, std::memory_order_relaxed);
    return job;
  }

  static constexpr std::int64_t deep = 64;
  struct Slot {
    std::atomic<Job*> job;
    const void* soon;  // the owner's alone
  };
  struct Ring {
    explicit Ring(std::int64_t capacity) : mask(capacity - 1), slots(new Slot[capacity]()) {}
    CRANK_COLD void fetch(std::int64_t index) noexcept {
      // Either may be null or stale: an address to fetch ahead is never read through.
      auto record = reinterpret_cast<std::uintptr_t>(job(index));
      auto frame = reinterpret_cast<std::uintptr_t>(at(index).soon);
      __builtin_prefetch(reinterpret_cast<const void*>(record), 1);
      __builtin_prefetch(reinterpret_cast<const void*>(record + 64), 1);
      __builtin_prefetch(reinterpret_cast<const void*>(frame), 1);
      __builtin_prefetch(reinterpret_cast<const void*>(frame + 64), 1);
    }
    Slot& at(std::int64_t index) noexcept { return slots[index & mask]; }
    Job* job(std::int64_t index) noexcept { return at(index).job.load(std::memory_order_relaxed); }
    const std::int64_t mask;
    std::unique_ptr<Slot[]> slots;
  };

  CRANK_COLD Ring* grow(Ring* old, std::int64_t top, std::int64_t bottom) {
    auto* larger = new Ring((old->mask + 1) * 2);
    for (std::int64_t i = top; i < bottom; ++i) {
      larger->at(i).job.store(old->job(i), std::memory_order_relaxed);
      larger->at(i).soon = old->at(i).soon;
    }
    rings_.emplace_back(larger);  // thieves may still read the old one: kept to the end
    ring_.store(larger, std::memory_order_release);
    return larger;
  }

  alignas(128) std::atomic<std::int64_t> top_{0};
  alignas(128) std::atomic<std::int64_t> bottom_{0};
  std::atomic<Ring*> ring_;
  std::vector<std::unique_ptr<Ring>> rings_;
};

}  // namespace crank::detail
