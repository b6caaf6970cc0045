// A full fence split in two: the frequent side pays nothing (it only keeps the compiler from reordering), the rare side makes
// every thread of the process execute a barrier (Linux `membarrier`, private expedited). Where the kernel refuses, and under
// ThreadSanitizer, `asymmetric_fences()` is false and callers use read-modify-writes on both sides.
#pragma once

#include <atomic>
#include <cstdint>

namespace crank::detail {

#if defined(__wasm__)
constexpr bool asymmetric_fences() noexcept { return true; }  // one thread: nothing to order
inline void heavy_fence() noexcept {}
inline void wait_a_little() noexcept {}
#else
extern bool asymmetric_available;  // set once by `prepare_asymmetric_fences`, before workers start
void prepare_asymmetric_fences() noexcept;
/// Tests both ways of working: pretends that the kernel refuses. Only while nothing of the runtime is in use.
void refuse_asymmetric_fences(bool refuse) noexcept;
#if __has_feature(thread_sanitizer)
constexpr bool asymmetric_fences() noexcept { return false; }
#else
inline bool asymmetric_fences() noexcept { return asymmetric_available; }
#endif
void heavy_fence() noexcept;
void wait_a_little() noexcept;
#endif
inline void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

/// A lock that one side, the owner, takes nearly for free, and any other side at the price of a heavy fence. For lists that a
/// task changes at every turn and somebody else reads when it cancels. Sections are short.
///
/// Rules: the owner sets `busy_`, then looks at `other_`; others set `other_`, then wait for `busy_` to be clear. Between set
/// and look stands a full fence on both sides (owner: light or an exchange; other: heavy). The owner gives way.
class BiasedLock {
 public:
  void lock_owner() noexcept {
    for (;;) {
      if (asymmetric_fences()) {
        busy_.store(true, std::memory_order_relaxed);
        light_fence();
      } else {
        busy_.exchange(true, std::memory_order_seq_cst);
      }
      if (!other_.load(std::memory_order_seq_cst)) [[likely]]
        return;
      busy_.store(false, std::memory_order_release);
      while (other_.load(std::memory_order_acquire)) wait_a_little();
    }
  }
  void unlock_owner() noexcept { busy_.store(false, std::memory_order_release); }

  void lock_other() noexcept {
    while (other_.exchange(true, std::memory_order_seq_cst)) wait_a_little();
    if (asymmetric_fences()) heavy_fence();
    while (busy_.load(std::memory_order_seq_cst)) wait_a_little();
  }
  void unlock_other() noexcept { other_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> busy_{false}, other_{false};
};

}  // namespace crank::detail
