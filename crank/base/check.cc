#include "crank/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace crank::detail {

void check_failed(const char* condition, const char* file, int line, const char* function,
                  const std::string& sentence) {
#if !defined(__wasm__)
  std::fprintf(stderr, "crank: %s\n  check `%s` failed in %s (%s:%d)\n", sentence.c_str(), condition, function, file,
               line);
  std::fflush(stderr);
  std::abort();
#else
  // A guest has no stderr of its own here; the trap carries the backtrace, and the sentence stays in memory.
  (void)condition, (void)file, (void)line, (void)function, (void)sentence;
  __builtin_trap();
#endif
}

}  // namespace crank::detail
