// Test support: what more than one file of tests runs. Internal to the tests.
#pragma once

#include <chrono>
#include <vector>

#include "crank/async/async_let.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/laws.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/yield.h"

namespace crank::laws {

/// A job that writes its number down.
struct Mark : Job {
  Mark(std::vector<int>* list, int value, Priority urgency)
      : Job([](Job* job) noexcept { static_cast<Mark*>(job)->into->push_back(static_cast<Mark*>(job)->number); },
            urgency),
        into(list),
        number(value) {}
  std::vector<int>* into;
  int number;
};

/// Forks and joins a tree of tasks.
inline Task<int> fib(int n) {
  if (n < 2) co_return n;
  auto left = async_let(fib(n - 1));
  int right = co_await fib(n - 2);
  co_return co_await left + right;
}

/// A tree of groups, on even levels of async_lets; every leaf says how its sleep ended.
inline Task<int> cut_leaves(int depth, int width) {
  if (depth == 0) co_return co_await sleep_for(std::chrono::hours(1)) == SleepOutcome::cancelled;
  if (depth % 2 == 0) {
    auto other = async_let(cut_leaves(depth - 1, width));
    int cut = co_await cut_leaves(depth - 1, width);
    co_return cut + co_await other;
  }
  co_return co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
    for (int i = 0; i < width; ++i) group.spawn(cut_leaves(depth - 1, width));
    int cut = 0;
    while (auto one = co_await group.next()) cut += *one;
    co_return cut;
  });
}
inline Task<> cancel_a_tree(int depth, int width, int leaves) {
  auto whole = spawn(cut_leaves(depth, width));
  co_await yield();
  whole.cancel();  // some of it sleeps, some has not begun, on threads some is just running
  EXPECT_EQ(co_await std::move(whole), leaves);
}

/// Everything that takes a frame, 400 times.
inline Task<int> one() { co_return 1; }
inline Task<int> warm_round() {
  int sum = 0;
  for (int i = 0; i < 100; ++i) {
    auto child = async_let(one());
    sum += co_await one() + co_await child + co_await spawn(one());
    sum += co_await with_continuation<int>([](Continuation<int> done) { done.resume(1); });
  }
  co_return sum;
}

}  // namespace crank::laws
