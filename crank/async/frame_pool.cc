#include "crank/async/frame_pool.h"

#include <atomic>
#include <cstdlib>

#include "crank/async/lock.h"
#include "crank/async/misuse.h"
#include "crank/async/trace.h"

namespace crank {
namespace detail {

namespace {

constinit std::atomic<unsigned long long> refills{0};

#if !defined(__wasm__)
constexpr unsigned batch = frames_kept / 2;

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
// Gives a thread's blocks to the others when it ends. Touched on the slow path only, so that the lists themselves stay
// plain data without a guard.
struct Returner {
  bool armed = false;
  ~Returner() {
    for (std::size_t size_class = 1; size_class <= frame_classes; ++size_class) {
      auto* first = reinterpret_cast<Batch*>(the_frame_pool.free[size_class]);
      if (!first) continue;
      first->count = the_frame_pool.held[size_class];
      the_frame_pool.free[size_class] = nullptr;
      the_frame_pool.held[size_class] = 0;
      LockGuard guard(shared.lock);
      first->next_batch = shared.batches[size_class];
      shared.batches[size_class] = first;
    }
  }
};
thread_local Returner returner;
#endif

}  // namespace

#if !defined(__wasm__)
constinit thread_local FramePool the_frame_pool{};
#endif

void* frame_refill(std::size_t size_class) {
  trace(TraceEvent::frames_refilled, nullptr);
  FramePool& pool = the_frame_pool;
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

void frame_spill(std::size_t size_class) noexcept {
#if !defined(__wasm__)
  FramePool& pool = the_frame_pool;
  returner.armed = true;
  auto* first = reinterpret_cast<Batch*>(pool.free[size_class]);
  FramePool::Block* last = pool.free[size_class];
  for (unsigned i = 1; i < batch; ++i) last = last->next;
  pool.free[size_class] = last->next;
  pool.held[size_class] -= batch;
  last->next = nullptr;
  first->count = batch;
  LockGuard guard(shared.lock);
  first->next_batch = shared.batches[size_class];
  shared.batches[size_class] = first;
#else
  (void)size_class;
#endif
}

void* frame_allocate_large(std::size_t size) { return system_allocate(size); }
void frame_free_large(void* memory, std::size_t) noexcept { std::free(memory); }

}  // namespace detail

unsigned long long frame_refills() noexcept { return detail::refills.load(std::memory_order_relaxed); }

}  // namespace crank
