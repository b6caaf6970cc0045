#include "crank/async/continuation.h"

#if !defined(__wasm__)
#include <cstdio>
#endif

namespace crank::detail {

void resumed_twice(std::source_location made, std::source_location second) noexcept {
#if !defined(__wasm__)
  // Both are named: who made it, and who came too late.
  std::fprintf(stderr, "crank: a continuation made in %s (%s:%u)\n", made.function_name(), made.file_name(),
               static_cast<unsigned>(made.line()));
  misuse("was resumed twice; the second time here", second.function_name(), second.file_name(), second.line());
#else
  misuse("");
#endif
}

void never_resumed(std::source_location made) noexcept {
#if !defined(__wasm__)
  misuse("a continuation was dropped without being resumed; its task would never go on. It was made in",
         made.function_name(), made.file_name(), made.line());
#else
  misuse("");
#endif
}

}  // namespace crank::detail
