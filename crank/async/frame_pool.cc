#include "crank/async/frame_pool.h"

#include <atomic>
#include <cstdlib>
#include <utility>

#include "crank/async/lock.h"
#include "crank/async/misuse.h"
#include "crank/async/trace.h"

namespace crank {
namespace detail {

namespace {

constinit std::atomic<unsigned long long> refills{0};

#if !defined(__wasm__)
// Batches given away by threads that free more than they take. A batch is a list linked through its blocks; batches are
// linked through the second word of their first block.
struct Batch {
  FramePool::Block* next;
  Batch* next_batch;
  std::size_t count;
};
struct Shared {
  Lock lock;
  Batch* batches[frame_classes + 1] = {};
};
constinit Shared shared{};
#endif

void* system_allocate(std::size_t size) {
  refills.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (!memory) misuse("no memory for a coroutine frame");
  return memory;
}

#if !defined(__wasm__)
void give(FramePool::Block* list, std::size_t size_class, std::size_t count) noexcept {
  auto* first = reinterpret_cast<Batch*>(list);
  first->count = count;
  LockGuard guard(shared.lock);
  first->next_batch = shared.batches[size_class];
  shared.batches[size_class] = first;
}

// Gives a thread's blocks to the others when it ends. Touched on the slow path only, so that the lists themselves stay
// plain data without a guard.
struct Returner {
  bool armed = false;
  ~Returner() {
    FramePool& pool = the_frame_pool;
    for (std::size_t size_class = 1; size_class <= frame_classes; ++size_class) {
      if (auto* list = std::exchange(pool.free[size_class], nullptr))
        give(list, size_class, std::exchange(pool.held[size_class], 0));
      if (auto* list = std::exchange(pool.spare[size_class], nullptr)) give(list, size_class, frame_batch);
    }
  }
};
thread_local Returner returner;
#endif

}  // namespace

#if !defined(__wasm__)
constinit thread_local FramePool the_frame_pool{};
#endif

CRANK_COLD void* frame_refill(std::size_t size_class) noexcept {
  trace(TraceEvent::frames_refilled, nullptr);
  FramePool& pool = the_frame_pool;
  if (FramePool::Block* list = std::exchange(pool.spare[size_class], nullptr)) {
    pool.free[size_class] = list->next;
    pool.held[size_class] = frame_batch - 1;
    return list;
  }
#if !defined(__wasm__)
  returner.armed = true;
  Batch* taken = nullptr;
  {
    LockGuard guard(shared.lock);
    taken = shared.batches[size_class];
    if (taken) shared.batches[size_class] = taken->next_batch;
  }
  if (taken) {
    pool.free[size_class] = taken->next;
    pool.held[size_class] = static_cast<unsigned>(taken->count - 1);
    return taken;
  }
  std::size_t bytes = bytes_of(size_class), count = 8192 / bytes;
#else
  std::size_t bytes = bytes_of(size_class), count = 1;  // a guest's memory is small
#endif
  auto* memory = static_cast<char*>(system_allocate(bytes * count));
  for (std::size_t i = count; i-- > 1;) {
    auto* block = reinterpret_cast<FramePool::Block*>(memory + i * bytes);
    block->next = pool.free[size_class];
    pool.free[size_class] = block;
    ++pool.held[size_class];
  }
  return memory;
}

void frame_spill(void* memory, std::size_t size_class) noexcept {
  FramePool& pool = the_frame_pool;
  auto* block = static_cast<FramePool::Block*>(memory);
#if !defined(__wasm__)
  if (pool.spare[size_class]) {
    returner.armed = true;
    give(pool.spare[size_class], size_class, frame_batch);
  }
  pool.spare[size_class] = std::exchange(pool.free[size_class], nullptr);
#endif
  // In a guest there is one thread, and nobody to give anything to: only the count begins anew.
  block->next = pool.free[size_class];
  pool.free[size_class] = block;
  pool.held[size_class] = 1;
}

void* frame_allocate_large(std::size_t size) noexcept { return system_allocate(size); }
void frame_free_large(void* memory, std::size_t) noexcept { std::free(memory); }

}  // namespace detail

unsigned long long frame_refills() noexcept { return detail::refills.load(std::memory_order_relaxed); }

}  // namespace crank
