// A four-byte lock for short critical sections inside the runtime: sleeps in the kernel when contended, so that a holder
// whose processor was taken away does not make others spin. In a wasm32 guest there is one thread and it does nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "crank/async/cold.h"

namespace crank::detail {

#if defined(__wasm__)
class Lock {
 public:
  void lock() noexcept {}
  void unlock() noexcept {}
};
#else
/// Tells the processor that this thread only waits.
inline void spin_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __builtin_arm_yield();
#endif
}

class Lock {
 public:
  void lock() noexcept {
    std::uint32_t free = 0;
    if (!word_.compare_exchange_strong(free, held, std::memory_order_acquire, std::memory_order_relaxed)) lock_slow();
  }
  void unlock() noexcept {
    if (word_.exchange(0, std::memory_order_release) == contended) word_.notify_one();
  }

 private:
  static constexpr std::uint32_t held = 1, contended = 2;
  // Looks, longer and longer apart, and only then tries: who tries takes the line from the holder, who needs it to end, and
  // one that has it at hand gets several sections done before it goes over.
  CRANK_COLD void lock_slow() noexcept {
    for (int pauses = 1; pauses <= 64; pauses *= 2) {
      for (int i = 0; i < pauses; ++i) spin_pause();
      std::uint32_t free = 0;
      if (word_.load(std::memory_order_relaxed) == 0 &&
          word_.compare_exchange_strong(free, held, std::memory_order_acquire, std::memory_order_relaxed))
        return;
    }
    while (word_.exchange(contended, std::memory_order_acquire) != 0) word_.wait(contended, std::memory_order_relaxed);
  }
  std::atomic<std::uint32_t> word_{0};
};
#endif

class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() { lock_.unlock(); }

 private:
  Lock& lock_;
};

}  // namespace crank::detail
