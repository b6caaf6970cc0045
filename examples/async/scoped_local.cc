// What lives across an await lives in the coroutine's frame. A large buffer that is done with before the await belongs in a
// scope of its own: the frame then stays small enough for the thread's pool, and no call asks the system for memory.
#include <array>
#include <cstdio>

#include "crank/async/frame_pool.h"
#include "crank/async/manual_executor.h"

crank::Task<int> store(int sum) { co_return sum; }

int fill(std::array<int, 4096>& buffer) {
  int sum = 0;
  for (int i = 0; i < 4096; ++i) sum += buffer[i] = i % 3;
  return sum;
}

crank::Task<int> buffer_across_the_await() {
  std::array<int, 4096> buffer;
  int sum = fill(buffer);
  int stored = co_await store(sum);
  co_return stored + buffer[1];
}

crank::Task<int> buffer_scoped() {
  int sum = 0, one = 0;
  [&] {
    std::array<int, 4096> buffer;
    sum = fill(buffer);
    one = buffer[1];
  }();
  co_return co_await store(sum) + one;
}

template <class Function>
void count(const char* name, Function function) {
  crank::ManualExecutor manual;
  manual.run(function());
  auto before = crank::frame_refills();
  int sum = 0;
  for (int i = 0; i < 100; ++i) sum += manual.run(function());
  std::printf("%-24s sum %d, asked the system for memory %llu times\n", name, sum, crank::frame_refills() - before);
}

int main() {
  count("across the await:", buffer_across_the_await);
  count("in a scope before it:", buffer_scoped);
}
