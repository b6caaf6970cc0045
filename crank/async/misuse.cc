#include "crank/async/misuse.h"

#include "crank/async/job.h"

#if !defined(__wasm__)
#include <cstdio>
#include <cstdlib>
#endif

namespace crank::detail {

void misuse(const char* what, const char* function, const char* file, unsigned line) noexcept {
#if defined(__wasm__)
  (void)what, (void)function, (void)file, (void)line;
  __builtin_trap();
#else
  if (function)
    std::fprintf(stderr, "crank: %s: %s (%s:%u)\n", what, function, file ? file : "?", line);
  else
    std::fprintf(stderr, "crank: %s\n", what);
  std::fflush(stderr);
  std::abort();
#endif
}

#if !defined(__wasm__)
extern const char CRANK_JOB_LAYOUT = 0;
#endif

#if defined(CRANK_JOBS_ARE_MARKED)
void QueueMark::enqueued_twice() noexcept { misuse("a job was enqueued that stands in a queue already"); }
#endif

}  // namespace crank::detail
