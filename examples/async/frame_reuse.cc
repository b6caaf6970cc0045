// A loop of awaits reuses its frame: the pool hands back what the last iteration gave, and a warm loop allocates nothing.
#include <cstdio>

#include "crank/async/frame_pool.h"
#include "crank/async/manual_executor.h"

crank::Task<long> square(long n) { co_return n* n; }

crank::Task<long> sum_of_squares(long count) {
  long sum = 0;
  for (long i = 1; i <= count; ++i) sum += co_await square(i);
  co_return sum;
}

int main() {
  crank::ManualExecutor manual;
  manual.run(sum_of_squares(10));
  auto before = crank::frame_refills();
  long sum = manual.run(sum_of_squares(1'000'000));
  std::printf("sum %ld, asked the system for memory %llu times\n", sum, crank::frame_refills() - before);
}
