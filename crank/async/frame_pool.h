// Memory for frames and task records (R11): free lists by size class, one set for each thread, in classes of 16 bytes up to
// 1 KiB and of 256 up to 4. Taking and giving are a load and a store; a warm task never calls malloc. Memory may be freed in any order and on
// any thread: it joins that thread's lists. A list that has grown to a batch becomes the spare one, and a second spare one goes
// to the other threads, whole: no list is ever walked.
// Under AddressSanitizer every block is an own allocation, so that a use after free is seen.
#pragma once

#include <cstddef>

#include "crank/async/cold.h"

namespace crank {

namespace detail {

inline constexpr std::size_t frame_granule = 16, small_classes = 64, coarse_granule = 256, frame_classes = 76;

struct FramePool {
  struct Block {
    Block* next;
  };
  Block* free[frame_classes + 1] = {};
  unsigned held[frame_classes + 1] = {};  // in `free`
  Block* spare[frame_classes + 1] = {};   // a whole batch, or none
};

#if defined(__wasm__)
inline constinit FramePool the_frame_pool{};
#else
[[gnu::tls_model("initial-exec")]] extern constinit thread_local FramePool the_frame_pool;
#endif

CRANK_COLD void* frame_refill(std::size_t size_class) noexcept;
[[gnu::cold, gnu::noinline]] void frame_spill(void* memory, std::size_t size_class) noexcept;
void* frame_allocate_large(std::size_t size) noexcept;
void frame_free_large(void* memory, std::size_t size) noexcept;

#if __has_feature(address_sanitizer)
inline constexpr bool frames_are_pooled = false;
#else
inline constexpr bool frames_are_pooled = true;
#endif
inline constexpr unsigned frame_batch = 1024;  // of one class; a thread keeps at most two batches

// Never less than 32 bytes: a list given to other threads keeps three words in its first block.
constexpr std::size_t class_of(std::size_t size) noexcept {
  if (size <= 2 * frame_granule) return 2;
  if (size <= small_classes * frame_granule) return (size + frame_granule - 1) / frame_granule;
  return small_classes + (size - small_classes * frame_granule + coarse_granule - 1) / coarse_granule;
}
constexpr std::size_t bytes_of(std::size_t size_class) noexcept {
  return size_class <= small_classes ? size_class * frame_granule
                                     : small_classes * frame_granule + (size_class - small_classes) * coarse_granule;
}

inline void* frame_allocate(std::size_t size) noexcept {
  std::size_t size_class = class_of(size);
  if (!frames_are_pooled || size_class > frame_classes) [[unlikely]]
    return frame_allocate_large(size);
  FramePool& pool = the_frame_pool;
  FramePool::Block* block = pool.free[size_class];
  if (!block) [[unlikely]]
    return frame_refill(size_class);
  FramePool::Block* next = block->next;
  pool.free[size_class] = next;
  --pool.held[size_class];
  // The next one is cold when many frames live at once: by the time it is asked for it is here.
  __builtin_prefetch(next, 1);
  __builtin_prefetch(reinterpret_cast<char*>(next) + 64, 1);
  if (size > 128) __builtin_prefetch(reinterpret_cast<char*>(next) + 128, 1);
  if (size > 192) __builtin_prefetch(reinterpret_cast<char*>(next) + 192, 1);
  return block;
}

inline void frame_free(void* memory, std::size_t size) noexcept {
  std::size_t size_class = class_of(size);
  if (!frames_are_pooled || size_class > frame_classes) [[unlikely]]
    return frame_free_large(memory, size);
  FramePool& pool = the_frame_pool;
  // Full already, and not just now: so the block begins the next list, and a loop that takes and gives stays with that one.
  if (pool.held[size_class] == frame_batch) [[unlikely]]
    return frame_spill(memory, size_class);
  auto* block = static_cast<FramePool::Block*>(memory);
  block->next = pool.free[size_class];
  pool.free[size_class] = block;
  ++pool.held[size_class];
}

}  // namespace detail

/// How often the process asked the system allocator for frame memory so far.
unsigned long long frame_refills() noexcept;

}  // namespace crank
