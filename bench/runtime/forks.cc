// B1 skynet, B2 fib, B3 nqueens, B4 matmul, B7 spawn and join: fork and join.
#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "bench/runtime/harness.h"
#include "bench/runtime/pools.h"
#include "crank/async/async_let.h"
#include "crank/async/group.h"
#include "crank/async/task.h"

namespace bench {
namespace {

using crank::Task;

Task<std::uint64_t> skynet(std::uint64_t first, std::uint64_t size) {
  if (size == 1) co_return first;
  co_return co_await crank::with_group<std::uint64_t>([&](this auto, auto& group) -> Task<std::uint64_t> {
    std::uint64_t part = size / 10, sum = 0;
    for (std::uint64_t i = 0; i < 10; ++i) group.spawn(skynet(first + i * part, part));
    while (auto n = co_await group.next()) sum += *n;
    co_return sum;
  });
}

Task<std::uint64_t> fib(int n) {
  if (n < 2) co_return static_cast<std::uint64_t>(n);
  auto left = crank::async_let(fib(n - 1));
  std::uint64_t right = co_await fib(n - 2);
  co_return co_await left + right;
}

Task<int> queens(std::array<std::int8_t, 14> placed, int row, int size) {
  if (row == size) co_return 1;
  co_return co_await crank::with_group<int>([&](this auto, auto& group) -> Task<int> {
    for (int column = 0; column < size; ++column) {
      bool free = true;
      for (int i = 0; i < row && free; ++i) free = placed[i] != column && std::abs(placed[i] - column) != row - i;
      if (!free) continue;
      auto next = placed;
      next[row] = static_cast<std::int8_t>(column);
      group.spawn(queens(next, row + 1, size));
    }
    int sum = 0;
    while (auto n = co_await group.next()) sum += *n;
    co_return sum;
  });
}

// Compiled once, so that all who call it run the same instructions.
[[gnu::noinline]] void multiply(const int* a, const int* b, int* c, int n, int stride) {
  for (int i = 0; i < n; ++i)
    for (int k = 0; k < n; ++k)
      for (int j = 0; j < n; ++j) c[i * stride + j] += a[i * stride + k] * b[k * stride + j];
}
Task<> matmul(const int* a, const int* b, int* c, int n, int stride) {
  if (n <= 32) {
    multiply(a, b, c, n, stride);
    co_return;
  }
  int h = n / 2;
  for (int phase = 0; phase < 2; ++phase) {
    const int* left = a + phase * h;
    const int* top = b + phase * h * stride;
    auto one = crank::async_let(matmul(left, top, c, h, stride));
    auto two = crank::async_let(matmul(left, top + h, c + h, h, stride));
    auto three = crank::async_let(matmul(left + h * stride, top, c + h * stride, h, stride));
    co_await matmul(left + h * stride, top + h, c + h * stride + h, h, stride);
    co_await three;
    co_await two;
    co_await one;
  }
}

// The same blocks by plain calls: what the kernel costs without a runtime.
void plain_matmul(const int* a, const int* b, int* c, int n, int stride) {
  if (n <= 32) return multiply(a, b, c, n, stride);
  int h = n / 2;
  for (int phase = 0; phase < 2; ++phase)
    for (int row : {0, h})
      for (int column : {0, h})
        plain_matmul(a + row * stride + phase * h, b + phase * h * stride + column, c + row * stride + column, h,
                     stride);
}
// At the start of a line, which vectors do not promise: of vectors of the processor's full width each would else lie on two
// lines, and a sum that is stored and loaded again costs three times as much.
struct alignas(64) Matrices {
  Matrices() {
    std::fill(std::begin(a), std::end(a), 1);
    std::fill(std::begin(b), std::end(b), 2);
  }
  int a[512 * 512], b[512 * 512], c[512 * 512] = {};
};
Matrices& matrices() {
  static Matrices all;
  return all;
}

Task<std::uint64_t> tiny(std::uint64_t n) { co_return n; }
Task<std::uint64_t> join_one(int rounds) {
  std::uint64_t sum = 0;
  for (int i = 0; i < rounds; ++i) {
    auto child = crank::async_let(tiny(1));
    sum += co_await child;
  }
  co_return sum;
}
Task<std::uint64_t> join_wide(int rounds, int width) {
  std::uint64_t sum = 0;
  for (int i = 0; i < rounds; ++i) {
    sum += co_await crank::with_group<std::uint64_t>([&](this auto, auto& group) -> Task<std::uint64_t> {
      std::uint64_t part = 0;
      for (int k = 0; k < width; ++k) group.spawn(tiny(1));
      while (auto n = co_await group.next()) part += *n;
      co_return part;
    });
  }
  co_return sum;
}

}  // namespace

void add_forks(std::vector<Row>& rows) {
  for (unsigned threads : {1u, 2u}) {
    std::string at = "_" + std::to_string(threads) + "t";
    bool one = threads == 1;
    rows.push_back({"B1_skynet" + at, "skynet 10^6, ns a task",
                    [=] { return keep(run_on(threads, skynet(0, 1'000'000))), 1'111'111.0; }, one ? 12.4 : 8.1,
                    one ? 16.5 : 8.6, "ns", false, one});
    rows.push_back({"B2_fib" + at, "fib(30), one child a call, ns a call",
                    [=] { return keep(run_on(threads, fib(30))), 2'692'537.0; }, one ? 10.8 : 6.1, one ? 15 : 7.9, "ns",
                    false, one});
    rows.push_back({"B3_nqueens" + at, "nqueens(11), ms", [=] { return keep(run_on(threads, queens({}, 0, 11))), 1e6; },
                    one ? 17.8 : 9.0, 0, "ms"});
    rows.push_back({"B4_matmul" + at, "matmul(512), ms",
                    [=] {
                      Matrices& m = matrices();
                      run_on(threads, matmul(m.a, m.b, m.c, 512, 512));
                      keep(m.c[0]);
                      return 1e6;
                    },
                    0, 0, "ms", false, one});
    if (one)
      rows.push_back({"B4_matmul_1t_plain_calls", "the same kernel without a runtime",
                      [] {
                        Matrices& m = matrices();
                        plain_matmul(m.a, m.b, m.c, 512, 512);
                        keep(m.c[0]);
                        return 1e6;
                      },
                      0, 0, "ms", false, true});
    rows.push_back({"B7_join_1" + at, "spawn one and join",
                    [=] { return keep(run_on(threads, join_one(50'000))), 5e4; }, one ? 20.0 : 60.0, one ? 26.0 : 0.0,
                    "ns", false, one});
    rows.push_back({"B7_join_10" + at, "spawn ten and join, a task",
                    [=] { return keep(run_on(threads, join_wide(10'000, 10))), 1e5; }, 15, one ? 19.0 : 0.0, "ns",
                    false, one});
    rows.push_back({"B7_join_30000" + at, "spawn 30,000 and join, a task",
                    [=] { return keep(run_on(threads, join_wide(2, 30'000))), 6e4; }, 20, one ? 29.0 : 0.0, "ns", false,
                    one});
  }
}

}  // namespace bench
