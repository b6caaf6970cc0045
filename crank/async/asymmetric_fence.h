// A full fence split in two: the frequent side pays nothing (it only keeps the compiler from reordering), the rare side makes
// every thread of the process execute a barrier (Linux `membarrier`, private expedited). Where the kernel refuses, and under
// ThreadSanitizer, `asymmetric_fences()` is false and callers use read-modify-writes on both sides.
#pragma once

#include <atomic>

namespace crank::detail {

extern bool asymmetric_available;  // set once by `prepare_asymmetric_fences`, before workers start
void prepare_asymmetric_fences() noexcept;
/// Tests both ways of working: pretends that the kernel refuses.
void refuse_asymmetric_fences(bool refuse) noexcept;

#if __has_feature(thread_sanitizer)
constexpr bool asymmetric_fences() noexcept { return false; }
#else
inline bool asymmetric_fences() noexcept { return asymmetric_available; }
#endif
inline void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
void heavy_fence() noexcept;

}  // namespace crank::detail
