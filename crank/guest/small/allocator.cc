// The allocator of small modules: size classes with a free list each, fed from the end of memory. 0.6 KB of code instead of
// the 8 KB of wasi-libc's; nothing is ever merged, so a module whose block sizes keep changing should take libc's.
//
//     block:  | class (4) | size (4) | payload, 16-aligned … |
//     classes: four to each power of two, from 32 bytes on; a block wastes less than a quarter
//
// Linked as an object into the modules that ask for it (cmake/CrankReactor.cmake, SMALL). wasm32 only.
#if defined(__wasm__)

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace {

constexpr std::uint32_t header_size = 8, smallest = 32, page = 65536, classes = 128;
constexpr std::uint32_t largest = 1U << 30;

struct Header {
  std::uint32_t size_class;
  std::uint32_t size;  // payload
};
struct Free {
  Free* next;
};

constinit Free* free_blocks[classes];
constinit std::uintptr_t fresh = 0;  // where untouched memory begins: 8 below a multiple of 16

extern "C" unsigned char __heap_base;

Header& header_of(void* payload) { return static_cast<Header*>(payload)[-1]; }

// Whole blocks from the untouched end of memory.
void* extend(std::uint32_t bytes) {
  if (fresh == 0) fresh = ((reinterpret_cast<std::uintptr_t>(&__heap_base) + 15) & ~std::uintptr_t{15}) + header_size;
  std::uintptr_t end = fresh + bytes, have = __builtin_wasm_memory_size(0) * std::uintptr_t{page};
  if (end < fresh) return nullptr;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + page - 1) / page) == SIZE_MAX) return nullptr;
  void* block = reinterpret_cast<void*>(fresh);
  fresh = end;
  return block;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  if (size > largest) return nullptr;
  auto wanted = static_cast<std::uint32_t>(size) + header_size;
  if (wanted < smallest) wanted = smallest;
  // Four classes to a power of two, but none finer than 16 bytes.
  std::uint32_t shift = 31U - static_cast<std::uint32_t>(__builtin_clz(wanted - 1));
  shift = shift < 6 ? 4 : shift - 2;
  std::uint32_t steps = ((wanted - 1) >> shift) + 1,
                size_class = shift * 4 + steps;  // steps: 2 to 8 where 16 bytes are the finest, else 5 to 8
  if (Free* block = free_blocks[size_class]) {
    free_blocks[size_class] = block->next;
    return block;
  }
  std::uint32_t bytes = steps << shift;
  auto* block = static_cast<Header*>(extend(bytes));
  if (!block) return nullptr;
  *block = {size_class, bytes - header_size};
  return block + 1;
}

void free(void* payload) {
  if (!payload) return;
  Free*& list = free_blocks[header_of(payload).size_class];
  list = new (payload) Free{list};
}

void* calloc(std::size_t count, std::size_t each) {
  std::size_t size;
  if (__builtin_mul_overflow(count, each, &size)) return nullptr;
  void* block = malloc(size);
  if (block) std::memset(block, 0, size);
  return block;
}

void* realloc(void* payload, std::size_t size) {
  if (!payload) return malloc(size);
  std::uint32_t have = header_of(payload).size;
  if (size <= have) return payload;
  void* block = malloc(size);
  if (block) {
    std::memcpy(block, payload, have);
    free(payload);
  }
  return block;
}

}  // extern "C"

#endif
