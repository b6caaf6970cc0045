// What of a continuation shows only where priorities order: on a pool (R6, R10).
#include "crank/async/continuation.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/sync_wait.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

struct Place : Actor {};

TEST(Continuation, GoesOnAtThePriorityOfItsTask) {
  Pool pool({.threads = 1});
  std::vector<int> order;  // the actor's
  sync_wait(pool, [](this auto, std::vector<int>& order) -> Task<> {
    auto place = make_actor<Place>();
    std::optional<Continuation<>> low, high;
    auto waits = [&](this auto, std::optional<Continuation<>>& into, int number) -> Task<> {
      co_await with_continuation([&](Continuation<> done) { into.emplace(std::move(done)); });
      order.push_back(number);
    };
    auto resumes = [&](this auto) -> Task<> {
      while (!low || !high) co_await yield();
      low->resume();
      high->resume();
      order.push_back(0);
    };
    ExecutorRef there = place.executor();
    auto second = spawn(waits(low, 2), {.priority = Priority::utility, .executor = there});
    auto first = spawn(waits(high, 1), {.priority = Priority::high, .executor = there});
    auto resumer = spawn(resumes(), {.priority = Priority::background, .executor = there});
    co_await std::move(second);
    co_await std::move(first);
    co_await std::move(resumer);
  }(order));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace crank
