#include "crank/io/loop_parker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "crank/async/continuation.h"
#include "crank/async/sync_wait.h"

namespace crank::io {
namespace {

struct Workers : ::testing::Test {
  Pool pool{[] {
    PoolOptions options;
    options.threads = 2;
    options.parker = loop_parkers();
    return options;
  }()};
  WorkerExecutor first{pool, 0}, second{pool, 1};
};

// A completion of the loop resumes the task, many times over.
Task<> hop_through_the_loop(WorkerExecutor& here, int times, std::set<int>& workers) {
  for (int i = 0; i < times; ++i) {
    co_await with_continuation<>(
        [&](Continuation<> done) { here.loop().post([done = std::move(done)]() mutable { done.resume(); }); });
    workers.insert(here.pool().worker_index());
  }
}

TEST_F(Workers, ATaskOfAWorkerExecutorStaysOnItsWorkerThroughEveryCompletion) {
  std::set<int> of_first, of_second;
  auto one = spawn(hop_through_the_loop(first, 500, of_first), {.executor = first.ref(), .runtime = &pool.runtime()});
  sync_wait(pool, hop_through_the_loop(second, 500, of_second), {.executor = second.ref()});
  sync_wait(pool, [](TaskHandle<> handle) -> Task<> { co_await std::move(handle); }(std::move(one)));
  EXPECT_EQ(of_first, std::set<int>{0});
  EXPECT_EQ(of_second, std::set<int>{1});
}

Task<int> where(Pool& pool) { co_return pool.worker_index(); }
Task<> ask_each_other(WorkerExecutor& other, int times, int& right) {
  for (int i = 0; i < times; ++i)
    right += co_await spawn(where(other.pool()), {.executor = other.ref()}) == static_cast<int>(other.worker());
}

TEST_F(Workers, TasksOfTwoWorkersAwaitEachOtherWithoutLosingAWakeUp) {
  int from_first = 0, from_second = 0;
  auto one = spawn(ask_each_other(second, 300, from_first), {.executor = first.ref(), .runtime = &pool.runtime()});
  sync_wait(pool, ask_each_other(first, 300, from_second), {.executor = second.ref()});
  sync_wait(pool, [](TaskHandle<> handle) -> Task<> { co_await std::move(handle); }(std::move(one)));
  EXPECT_EQ(from_first, 300);
  EXPECT_EQ(from_second, 300);
}

TEST_F(Workers, JobsFromOutsideKeepTheirOrder) {
  struct Count : Job {
    std::vector<int>* seen = nullptr;
    int number = 0;
  };
  std::vector<int> seen;
  std::vector<Count> jobs(200);
  for (int i = 0; i < 200; ++i) {
    jobs[i].run = [](Job* job) noexcept {
      static_cast<Count*>(job)->seen->push_back(static_cast<Count*>(job)->number);
    };
    jobs[i].seen = &seen;
    jobs[i].number = i;
    first.enqueue(jobs[i]);
  }
  sync_wait(pool,
            [](Pool& p) -> Task<> {
              EXPECT_EQ(p.worker_index(), 0);
              co_return;
            }(pool),
            {.executor = first.ref()});
  ASSERT_EQ(seen.size(), 200u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(Workers, RunOnIsOverWhenItReturns) {
  int ran = 0;
  for (int i = 0; i < 100; ++i) run_on(i % 2 ? first : second, [&] { ++ran; });
  EXPECT_EQ(ran, 100);
}

TEST(EventLoop, WhatIsPostedRunsInOrderAndTheTurnEndsAfterEach) {
  EventLoop loop;
  std::string order;
  struct Flush final : Deferred {
    explicit Flush(std::string& o) : order(o) {}
    void run_deferred() override { order += '|'; }
    std::string& order;
  } flush(order);
  for (char c : {'a', 'b', 'c'})
    loop.post([&, c] {
      order += c;
      loop.at_turn_end(flush);
      loop.at_turn_end(flush);
    });
  while (loop.poll()) {}
  EXPECT_EQ(order, "a|b|c|");
}

TEST(EventLoop, AWakeBeforeTheWaitIsNotLost) {
  EventLoop loop;
  loop.wake();
  loop.wait();
  std::thread other([&] { loop.wake(); });
  loop.wait();
  other.join();
}

TEST(Timer, StartedAgainItFiresOnceAndCancelledNotAtAll) {
  EventLoop loop;
  int fired = 0, cancelled = 0;
  Timer one(loop), two(loop);
  one.start(Clock::now() - std::chrono::seconds(1), [&] { fired += 10; });
  one.start(Clock::now() - std::chrono::seconds(1), [&] { fired += 1; });
  two.start(Clock::now() - std::chrono::seconds(1), [&] { ++cancelled; });
  two.cancel();
  while (loop.poll()) {}
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(cancelled, 0);
}

}  // namespace
}  // namespace crank::io
