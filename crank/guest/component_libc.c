/* What Debian's wasi-libc leaves to a preview 1 host, and its compiler runtime leaves undefined. A component has neither:
   nothing is open, nothing is set, and the end of the program is a trap with its backtrace. In C, without wasi-libc's own
   header of these functions, whose tables of types are of no use here. */
#include <stddef.h>
#include <stdint.h>

/* The compiler runtime was built with stack protectors. */
uintptr_t __stack_chk_guard = 0x595e9fbdU;
_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }

_Noreturn void abort(void) { __builtin_trap(); }

/* A component has no end of its own: what is static is never destroyed. */
int __cxa_atexit(void (*function)(void*), void* argument, void* library) { return 0; }

enum { bad_file = 8 };
uint16_t __wasi_fd_close(int fd) { return bad_file; }
uint16_t __wasi_fd_seek(int fd, int64_t offset, uint8_t whence, uint64_t* position) { return bad_file; }
uint16_t __wasi_fd_write(int fd, const void* pieces, size_t count, size_t* written) {
  *written = 0;
  return bad_file;
}
uint16_t __wasi_fd_read(int fd, const void* pieces, size_t count, size_t* read) {
  *read = 0;
  return bad_file;
}
uint16_t __wasi_fd_fdstat_get(int fd, void* status) { return bad_file; }
uint16_t __wasi_environ_get(void* variables, void* bytes) { return 0; }
uint16_t __wasi_environ_sizes_get(size_t* count, size_t* size) {
  *count = *size = 0;
  return 0;
}
_Noreturn void __wasi_proc_exit(uint32_t code) { __builtin_trap(); }

/* The libc's own are loops compiled without bulk memory. */
void* memcpy(void* restrict to, const void* restrict from, size_t size) { return __builtin_memcpy(to, from, size); }
void* memmove(void* to, const void* from, size_t size) { return __builtin_memmove(to, from, size); }
void* memset(void* to, int byte, size_t size) { return __builtin_memset(to, byte, size); }
