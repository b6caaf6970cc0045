// A full fence split in two: the frequent side pays nothing (it only keeps the compiler from reordering), the rare side makes
// every thread of the process execute a barrier (Linux `membarrier`, private expedited). Where the kernel refuses, and under
// ThreadSanitizer, `asymmetric_fences()` is false and callers use read-modify-writes on both sides.
#pragma once

#include <atomic>
#include <cstdint>

#include "crank/async/cold.h"

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
/// Rules
///  1  The owner sets `busy_`, then looks at `other_`; others set `other_`, then wait for `busy_` to be clear. Between set and
///     look stands a full fence on both sides (owner: light or an exchange; other: heavy). The owner gives way.
///  2  One heavy fence serves any number of locks: `announce` them all, fence once, then `enter` each.
///  3  The bias can be ended for good by a word outside (`biased` answers false from then on). The owner looks at that word
///     where it looks at `other_`, and, the bias ended, takes `other_` by an exchange like everybody. After a heavy fence that
///     follows the word's change, others need no further fences: `lock_unbiased`.
///  4  The bias of all locks can be ended for a while (`UnbiasedScope`), by a count outside that owners look at likewise. One
///     fence serves for all locks that are taken inside the scope.
#if defined(__wasm__)
class BiasedLock {  // one thread: nobody else
 public:
  void lock_owner() noexcept {}
  template <class Biased>
  bool lock_owner(Biased biased) noexcept {
    return biased();
  }
  void unlock_owner() noexcept {}
  void lock_other() noexcept {}
  void unlock_other() noexcept {}
  static bool try_announce() noexcept { return true; }
  void announce() noexcept {}
  void enter() noexcept {}
  static void fence_after_announcing() noexcept {}
  void lock_unbiased() noexcept {}
};
class [[nodiscard]] UnbiasedScope {};
#else
/// How many scopes are open in which every BiasedLock is without its bias.
inline constinit std::atomic<std::uint32_t> unbiased_scopes{0};

class BiasedLock {
 public:
  void lock_owner() noexcept {
    lock_owner([] { return true; });
  }
  /// Answers what `biased` says inside. `biased` reads its word with sequential consistency.
  template <class Biased>
  bool lock_owner(Biased biased) noexcept {
    set_busy();
    if (alone() && biased()) [[likely]]
      return true;
    return lock_owner_slow(biased);
  }
  void unlock_owner() noexcept {
    if (busy_.load(std::memory_order_relaxed)) [[likely]]
      busy_.store(false, std::memory_order_release);
    else
      other_.store(false, std::memory_order_release);
  }

  void lock_other() noexcept {
    announce();
    fence_after_announcing();
    enter();
  }
  void unlock_other() noexcept { other_.store(false, std::memory_order_release); }

  bool try_announce() noexcept { return !other_.exchange(true, std::memory_order_seq_cst); }
  void announce() noexcept {
    while (!try_announce()) wait_a_little();
  }
  void enter() noexcept {
    while (busy_.load(std::memory_order_seq_cst)) wait_a_little();
  }
  static void fence_after_announcing() noexcept {
    if (asymmetric_fences()) heavy_fence();
  }
  void lock_unbiased() noexcept {
    announce();
    enter();
  }

 private:
  bool alone() const noexcept {
    return (std::uint32_t{other_.load(std::memory_order_seq_cst)} | unbiased_scopes.load(std::memory_order_seq_cst)) ==
           0;
  }
  template <class Biased>
  CRANK_COLD bool lock_owner_slow(Biased biased) noexcept {
    for (;;) {
      busy_.store(false, std::memory_order_release);
      if (unbiased_scopes.load(std::memory_order_relaxed) != 0 || !biased()) {
        announce();
        return biased();
      }
      while (other_.load(std::memory_order_acquire)) wait_a_little();
      set_busy();
      if (alone() && biased()) return true;
    }
  }
  void set_busy() noexcept {
    if (asymmetric_fences()) {
      busy_.store(true, std::memory_order_relaxed);
      light_fence();
    } else {
      busy_.exchange(true, std::memory_order_seq_cst);
    }
  }
  std::atomic<bool> busy_{false}, other_{false};
};

/// Rule 4: inside, `lock_unbiased` serves for every lock.
class [[nodiscard]] UnbiasedScope {
 public:
  UnbiasedScope() noexcept {
    unbiased_scopes.fetch_add(1, std::memory_order_seq_cst);
    BiasedLock::fence_after_announcing();
  }
  ~UnbiasedScope() { unbiased_scopes.fetch_sub(1, std::memory_order_release); }
  UnbiasedScope(const UnbiasedScope&) = delete;
  UnbiasedScope& operator=(const UnbiasedScope&) = delete;
};
#endif

}  // namespace crank::detail
