#include "crank/async/group.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <vector>

#include "crank/async/async_let.h"
#include "crank/async/manual_executor.h"
#include "crank/async/or_return.h"
#include "crank/async/race.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/timeout.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

Task<int> answer(int n) { co_return n; }
Task<int> answer_after(Duration time, int n) {
  if (co_await sleep_for(time) == SleepOutcome::cancelled) co_return -n;
  co_return n;
}

Task<int> sum_of(int count, unsigned width) {
  co_return co_await with_group<int>(
      [&](this auto, auto& group) -> Task<int> {
        for (int i = 1; i <= count; ++i) group.spawn(answer(i));
        int total = 0;
        while (auto n = co_await group.next()) total += *n;
        co_return total;
      },
      {.width = width});
}

TEST(Group, GivesEveryResultOnce) {
  ManualExecutor manual;
  EXPECT_EQ(manual.run(sum_of(1000, 0)), 500500);
  EXPECT_EQ(manual.run(sum_of(1000, 3)), 500500);
  Pool pool({.threads = 4});
  for (int round = 0; round < 50; ++round) {
    ASSERT_EQ(sync_wait(pool, sum_of(1000, 0)), 500500);
    ASSERT_EQ(sync_wait(pool, sum_of(100, 3)), 5050);
  }
}

TEST(Group, ABoundedOneRunsNoMoreChildrenThanItsWidth) {
  ManualExecutor manual;
  int running = 0, most = 0;
  auto child = [&](this auto) -> Task<> {
    most = std::max(most, ++running);
    (void)co_await sleep_for(1ms);
    --running;
  };
  manual.run([&](this auto) -> Task<> {
    co_await with_group<>(
        [&](this auto, auto& group) -> Task<> {
          for (int i = 0; i < 10; ++i) group.spawn(child());
          while (co_await group.next()) {}
        },
        {.width = 3});
  }());
  EXPECT_EQ(most, 3);
  EXPECT_EQ(running, 0);
}

TEST(Group, LeavingEarlyCancelsTheRestAndWaitsForIt) {
  ManualExecutor manual;
  int ended = 0;
  auto child = [&](this auto, Duration time) -> Task<int> {
    auto outcome = co_await sleep_for(time);
    ++ended;
    co_return outcome == SleepOutcome::elapsed ? 1 : 2;
  };
  int first = manual.run([&](this auto) -> Task<int> {
    co_return co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
      group.spawn(child(1h));
      group.spawn(child(1s));
      group.spawn(child(2h));
      co_return *co_await group.next();
    });
  }());
  EXPECT_EQ(first, 1);
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(manual.runtime().timers().size(), 0u);
  EXPECT_EQ(manual.now().time_since_epoch(), 1s);
}

TEST(Group, CancellingItsTaskCancelsTheChildren) {
  ManualExecutor manual;
  auto handle = spawn(
      [](this auto) -> Task<int> {
        co_return co_await with_group<int>([](this auto, auto& group) -> Task<int> {
          for (int i = 1; i <= 3; ++i) group.spawn(answer_after(1h, i));
          int total = 0;
          while (auto n = co_await group.next()) total += *n;
          co_return total;
        });
      }(),
      {.runtime = &manual.runtime()});
  manual.run();
  handle.cancel();
  manual.run();
  ASSERT_TRUE(handle.is_done());
  EXPECT_EQ(handle.result_now().take<Exceptions::none>(), -6);
}

Task<int> fails(int n) {
  if (n % 2) throw std::runtime_error("odd");
  co_return n;
}

TEST(Group, AChildsExceptionSurfacesAtNextAndTheOthersAreCancelled) {
  ManualExecutor manual;
  bool cancelled = false;
  auto slow = [&](this auto) -> Task<int> {
    cancelled = co_await sleep_for(1h) == SleepOutcome::cancelled;
    co_return 0;
  };
  auto body = [&](this auto) -> Task<int> {
    co_return co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
      group.spawn(slow());
      group.spawn(fails(1));
      co_return *co_await group.next();
    });
  };
  EXPECT_THROW(manual.run(body()), std::runtime_error);
  EXPECT_TRUE(cancelled);
}

TEST(DiscardingGroup, FreesChildrenAsTheyEndAndWaitsForTheLast) {
  ManualExecutor manual;
  int ended = 0;
  auto child = [&](this auto) -> Task<> {
    (void)co_await sleep_for(1s);
    ++ended;
  };
  manual.run([&](this auto) -> Task<> {
    co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
      for (int i = 0; i < 5; ++i) group.spawn(child());
      co_return;
    });
  }());
  EXPECT_EQ(ended, 5);
}

TEST(AsyncLet, RunsBesideItsParentAndIsAwaitedLater) {
  ManualExecutor manual;
  EXPECT_EQ(manual.run([](this auto) -> Task<int> {
    auto a = async_let(answer_after(1s, 1));
    auto b = async_let(answer_after(1s, 2));
    co_return co_await a + co_await b;
  }()),
            3);
  EXPECT_EQ(manual.now().time_since_epoch(), 1s);
}

TEST(AsyncLet, DestroyedUnawaitedNamesThePlaceThatMadeIt) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run([](this auto) -> Task<> {
    auto lost = async_let(answer(1));
    co_return;
  }()),
               "async_let ended without being awaited");
}

Task<int> fib(int n) {
  if (n < 2) co_return n;
  auto left = async_let(fib(n - 1));
  int right = co_await fib(n - 2);
  co_return co_await left + right;
}

TEST(AsyncLet, ForksAndJoinsOnManyThreads) {
  Pool pool({.threads = 4});
  EXPECT_EQ(sync_wait(pool, fib(18)), 2584);
}

TEST(Race, TheFirstWinsAndTheOthersAreGone) {
  ManualExecutor manual;
  EXPECT_EQ(manual.run(race(answer_after(2s, 2), answer_after(1s, 1), answer_after(3s, 3))), 1);
  EXPECT_EQ(manual.runtime().timers().size(), 0u);
}

TEST(Timeout, ABodyInTimeGivesItsValueAndLeavesNoTimer) {
  ManualExecutor manual;
  auto in_time =
      manual.run([](this auto) -> Task<Result<int>> { co_return co_await with_timeout(2s, answer_after(1s, 1)); }());
  EXPECT_EQ(in_time.value(), 1);
  EXPECT_EQ(manual.runtime().timers().size(), 0u);
}

TEST(Timeout, ABodyThatIsLateIsCancelledWaitedForAndAnswersDeadline) {
  ManualExecutor manual;
  auto late =
      manual.run([](this auto) -> Task<Result<int>> { co_return co_await with_timeout(1s, answer_after(1h, 1)); }());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::deadline);
  EXPECT_EQ(manual.now().time_since_epoch(), 1s);
}

Task<Result<int>> parse(bool good) {
  if (!good) co_return fail(Code::bad_argument, "not a number");
  co_return 7;
}
Task<Result<int>> twice(bool good, bool* went_on) {
  int n = co_await or_return(co_await parse(good));
  *went_on = true;
  co_return 2 * n;
}

TEST(OrReturn, GivesTheValueOrEndsTheCoroutineWithTheError) {
  ManualExecutor manual;
  bool went_on = false;
  EXPECT_EQ(manual.run(twice(true, &went_on)).value(), 14);
  went_on = false;
  auto bad = manual.run(twice(false, &went_on));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "not a number");
  EXPECT_FALSE(went_on);
}

}  // namespace
}  // namespace crank
