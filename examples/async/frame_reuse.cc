// Where the frames of a loop of awaits are. An await of a call that is made right there needs none: the compiler puts the
// callee's frame into the caller's. Of a call made elsewhere it cannot; there the pool hands back the frame that the
// iteration before gave, so a warm loop asks the system for nothing.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <set>

#include "crank/async/frame_pool.h"
#include "crank/async/manual_executor.h"

// How many free frames this thread has.
unsigned in_pool() {
  const auto& held = crank::detail::the_frame_pool.held;
  return std::accumulate(std::begin(held), std::end(held), 0U);
}

struct Square {
  long value;
  const void* place;  // of the parameter, which is in the frame
  unsigned in_pool;
};
crank::Task<Square> square(long n) { co_return {n * n, &n, in_pool()}; }
// The compiler does not look into it from outside, as into a function of another library.
[[gnu::noinline, clang::coro_wrapper]] crank::Task<Square> square_made_elsewhere(long n) { return square(n); }

crank::Task<> loops(long count) {
  (void)co_await square_made_elsewhere(1);  // from here on it is warm
  auto asked = crank::frame_refills();
  for (bool elided : {false, true}) {
    long sum = 0;
    std::set<const void*> places;
    unsigned before = in_pool(), least = before;
    for (long i = 1; i <= count; ++i) {
      Square one = elided ? co_await square(i) : co_await square_made_elsewhere(i);
      sum += one.value;
      places.insert(one.place);
      least = std::min(least, one.in_pool);
    }
    std::printf("%s: sum %ld, frames at %zu address, %u at a time from the pool\n",
                elided ? "made where it is awaited" : "made elsewhere", sum, places.size(), before - least);
  }
  std::printf("asked the system for memory %llu times\n", crank::frame_refills() - asked);
}

int main() { crank::ManualExecutor().run(loops(1'000'000)); }
