#include "crank/engine/stacks.h"

#include <sys/mman.h>
#include <unistd.h>

namespace crank::engine {

std::size_t Stacks::page() noexcept {
  static const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

Stacks::~Stacks() {
  for (Stack* stack : free_) unmap(stack);
}

void Stacks::unmap(Stack* stack) noexcept {
  munmap(stack->mapping, stack->size + page());
  delete stack;
}

Stacks::Stack* Stacks::take(std::size_t size) {
  size = (size + page() - 1) / page() * page();
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty() && free_.back()->size >= size) {
      Stack* stack = free_.back();
      free_.pop_back();
      return stack;
    }
  }
  void* mapping =
      mmap(nullptr, size + page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  if (mprotect(mapping, page(), PROT_NONE) != 0) {
    munmap(mapping, size + page());
    return nullptr;
  }
  return new Stack{this, static_cast<std::uint8_t*>(mapping), size};
}

void Stacks::give_back(Stack* stack) noexcept {
  {
    std::lock_guard lock(mutex_);
    if (free_.size() < kept) {
      free_.push_back(stack);
      return;
    }
  }
  unmap(stack);
}

}  // namespace crank::engine
