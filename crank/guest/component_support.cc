// The parts of the C++ library that would bring more along than a guest can use: last words that need stdio, an allocator
// that throws, a clock that needs libc and system_error. Linked into every component (and component_libc.c beside it).
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "crank/guest/component_clock.h"

namespace std {
inline namespace __2 {
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
}  // namespace __2
}  // namespace std
extern "C" {
[[noreturn]] void abort_message(const char*, ...) { __builtin_trap(); }
[[noreturn]] void __abort_message(const char*, ...) { __builtin_trap(); }
}

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (!memory) __builtin_trap();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// The clock of a guest built without CLOCK.
extern "C" {
[[gnu::weak]] std::uint64_t crank_guest_now() { __builtin_trap(); }
[[gnu::weak]] std::uint32_t crank_guest_wait_until(std::uint64_t) { __builtin_trap(); }
}
namespace std {
namespace chrono {
steady_clock::time_point steady_clock::now() noexcept {
  return time_point(duration(static_cast<duration::rep>(crank_guest_now())));
}
}  // namespace chrono
}  // namespace std
