#include "crank/async/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace crank {
namespace {

constexpr std::uint32_t none = 0, token = 1, asleep = 2;

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* until) noexcept {
  return syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG, value, until,
                 nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void FutexParker::park(std::optional<TimePoint> until) {
  std::uint32_t expected = none;
  if (token_.compare_exchange_strong(expected, asleep, std::memory_order_acquire)) {
    timespec deadline{};
    if (until) {
      auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(until->time_since_epoch()).count();
      if (ns < 0) ns = 0;
      deadline.tv_sec = ns / 1'000'000'000;
      deadline.tv_nsec = ns % 1'000'000'000;
    }
    // FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock, which is what steady_clock reads.
    futex(token_, FUTEX_WAIT_BITSET, asleep, until ? &deadline : nullptr);
  }
  token_.exchange(none, std::memory_order_acquire);
}

void FutexParker::unpark() noexcept {
  if (token_.exchange(token, std::memory_order_release) == asleep) futex(token_, FUTEX_WAKE, 1, nullptr);
}

}  // namespace crank
