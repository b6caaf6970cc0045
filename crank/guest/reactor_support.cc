// What Debian's wasm32 libraries leave undefined, or fill with more than a small module can use. Linked into every reactor.
#if defined(__wasm__)

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "crank/guest/imports.h"

// The compiler runtime was built with stack protectors.
extern "C" {
std::uintptr_t __stack_chk_guard = 0x595e9fbdU;
[[noreturn]] void __stack_chk_fail() { __builtin_trap(); }
}

// libc++'s last words would pull stdio into the module; here the trap and its backtrace say where.
namespace std {
inline namespace __2 {
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
}  // namespace __2
}  // namespace std
extern "C" {
[[noreturn]] void abort_message(const char*, ...) { __builtin_trap(); }
[[noreturn]] void __abort_message(const char*, ...) { __builtin_trap(); }
void abort() { __builtin_trap(); }
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

// The host's clock; libc++'s own goes through libc and brings system_error along.
namespace std {
namespace chrono {
steady_clock::time_point steady_clock::now() noexcept { return time_point(nanoseconds(crank::guest::Imports{}.now())); }
}  // namespace chrono
}  // namespace std

#endif
