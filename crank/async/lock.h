// A four-byte lock for short critical sections inside the runtime: sleeps in the kernel when contended, so that a holder
// whose processor was taken away does not make others spin. In a wasm32 guest there is one thread and it does nothing.
#pragma once

#include <atomic>
#include <cstdint>

namespace crank::detail {

#if defined(__wasm__)
class Lock {
 public:
  void lock() noexcept {}
  void unlock() noexcept {}
};
#else
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
  void lock_slow() noexcept {
    for (int spin = 0; spin < 64; ++spin) {
      std::uint32_t free = 0;
      if (word_.compare_exchange_weak(free, held, std::memory_order_acquire, std::memory_order_relaxed)) return;
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
