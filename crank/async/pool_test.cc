// The pool alone, and what needs real threads: priorities that order (R10), escalation of what is queued, main served
// by threads.
#include "crank/async/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/asymmetric_fence.h"
#include "crank/async/async_let.h"
#include "crank/async/continuation.h"
#include "crank/async/default_actor.h"
#include "crank/async/global_actor.h"
#include "crank/async/group.h"
#include "crank/async/laws_bodies.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

using laws::Mark;
using Marks = std::vector<std::unique_ptr<Mark>>;

TEST(Priorities, OrderAWorkersQueueAndAnActorsQueue) {
  Pool pool({.threads = 1});
  for (bool on_actor : {false, true}) {
    std::vector<int> order;
    Marks marks;
    DefaultActor actor(pool.runtime());
    sync_wait(pool,
              [](this auto, auto& order, auto& marks, DefaultActor& actor, bool on_actor, Pool& pool) -> Task<> {
                for (int i = 0; i < 4; ++i)
                  marks.push_back(std::make_unique<Mark>(&order, i, static_cast<Priority>(i)));
                for (auto& mark : marks) on_actor ? actor.enqueue(*mark) : pool.enqueue(*mark);
                while (order.size() < 4) co_await yield();
              }(order, marks, actor, on_actor, pool),
              {.priority = Priority::background});
    EXPECT_EQ(order, (std::vector<int>{3, 2, 1, 0})) << (on_actor ? "actor" : "pool");
    while (actor.held()) std::this_thread::yield();
  }
}

// Where `number` stands in the order.
std::size_t place_of(int number, const std::vector<int>& order) {
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), number) - order.begin());
}
Task<> writes(std::vector<int>& order, int number) {
  order.push_back(number);
  co_return;
}

// The newest runs first, so number 200 of 400 has 199 before it. The fair look at the oldest every 61 jobs takes 0, 1,
// 2 ...
TEST(Priorities, AJobInAWorkersQueueMovesUpWhenItsTaskIsRaised) {
  Pool pool({.threads = 1});
  std::vector<int> order;
  sync_wait(pool,
            [](this auto, auto& order) -> Task<> {
              std::vector<TaskHandle<>> tasks;
              for (int i = 0; i < 400; ++i)
                tasks.push_back(spawn(writes(order, i), {.priority = Priority::background}));
              tasks[200].task().escalate(Priority::high);
              for (auto& task : tasks) co_await std::move(task);
            }(order),
            {.priority = Priority::background});
  ASSERT_EQ(order.size(), 400u);
  EXPECT_LT(place_of(200, order), 130u);
}

TEST(Priorities, AJobInAnActorsQueueMovesUpWhenItsTaskIsRaised) {
  Pool pool({.threads = 1});
  std::vector<int> order;
  sync_wait(pool, [](this auto, auto& order) -> Task<> {
    struct Place : Actor {};
    auto place = make_actor<Place>();
    std::vector<TaskHandle<>> tasks;
    // The first of eight raises two of those behind it; the actor has sorted all of them by then.
    auto raises_others = [](this auto, auto& order, auto& tasks) -> Task<> {
      order.push_back(0);
      tasks[5].task().escalate(Priority::high);
      tasks[6].task().escalate(Priority::utility);
      co_return;
    };
    co_await spawn(
        [](this auto, auto& order, auto& tasks, auto& raises_others, ExecutorRef here) -> Task<> {
          tasks.push_back(spawn(raises_others(order, tasks), {.priority = Priority::background, .executor = here}));
          for (int i = 1; i < 8; ++i)
            tasks.push_back(spawn(writes(order, i), {.priority = Priority::background, .executor = here}));
          co_return;
        }(order, tasks, raises_others, place.executor()),
        {.executor = place.executor()});
    while (order.size() < 8) co_await yield();
    for (auto& task : tasks) co_await std::move(task);
  }(order));
  EXPECT_EQ(order, (std::vector<int>{0, 5, 6, 1, 2, 3, 4, 7}));
}

TEST(Priorities, AnUrgentJobOfAnActorRaisesTheDrainThatWaits) {
  Pool pool({.threads = 1});
  std::vector<int> order;
  Marks marks;
  DefaultActor actor(pool.runtime());
  auto mark = [&](int number, Priority urgency) -> Mark& {
    return *marks.emplace_back(std::make_unique<Mark>(&order, number, urgency));
  };
  sync_wait(pool,
            [](this auto, auto& order, auto& mark, DefaultActor& actor, Pool& pool) -> Task<> {
              for (int i = 0; i < 20; ++i) pool.enqueue(mark(i, Priority::background));
              actor.enqueue(mark(1000, Priority::background));  // its drain waits here, with the newest before it
              for (int i = 20; i < 400; ++i) pool.enqueue(mark(i, Priority::background));
              actor.enqueue(mark(1001, Priority::high));
              while (order.size() < 402) co_await yield();
            }(order, mark, actor, pool),
            {.priority = Priority::background});
  EXPECT_LT(place_of(1001, order), 130u);
  EXPECT_EQ(place_of(1000, order), place_of(1001, order) + 1);  // one drain for both
  while (actor.held()) std::this_thread::yield();
}

TEST(Priorities, RaisingWhileManyThreadsRunLosesNothing) {
  Pool pool({.threads = 4});
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ran{0};
    sync_wait(pool, [](this auto, std::atomic<int>& ran) -> Task<> {
      struct Place : Actor {};
      auto place = make_actor<Place>();
      std::vector<TaskHandle<>> tasks;
      for (int i = 0; i < 300; ++i) {
        SpawnOptions options{.priority = static_cast<Priority>(i % 3)};
        if (i % 2) options.executor = place.executor();
        tasks.push_back(spawn(
            [](this auto, std::atomic<int>& ran) -> Task<> {
              ++ran;
              co_await yield();
              ++ran;
            }(ran),
            options));
        if (i % 3 == 2) tasks[static_cast<std::size_t>(i) / 2].task().escalate(Priority::high);
      }
      for (auto& task : tasks) co_await std::move(task);
    }(ran));
    EXPECT_EQ(ran.load(), 600);
  }
}

TEST(Pool, AWorkerThatIsBlockedIsNamed) {
  std::atomic<int> named{-1};
  Pool pool({.threads = 2,
             .on_blocked = [&](unsigned worker, Duration) { named.store(static_cast<int>(worker)); },
             .blocked_after = 1ms});
  int where = sync_wait(pool, [](this auto, Pool& pool, std::atomic<int>& named) -> Task<int> {
    while (named.load() != pool.worker_index()) std::this_thread::yield();  // blocks its worker until that is told off
    co_return pool.worker_index();
  }(pool, named));
  EXPECT_GE(where, 0);
}

TEST(Pool, ByDefaultABlockedWorkerIsNamedAfter100MillisecondsOnTheErrorStream) {
  testing::internal::CaptureStderr();
  {
    Pool pool({.threads = 1});
    EXPECT_EQ(PoolOptions{}.blocked_after, 100ms);
    sync_wait(pool, [](this auto) -> Task<> {
      std::this_thread::sleep_for(1s);  // ten times what is allowed
      co_return;
    }());
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("worker 0 has been running one job for"), std::string::npos);
}

TEST(Pool, WhatIsPostedToAWorkerRunsThereInOrder) {
  Pool pool({.threads = 3});
  std::atomic<int> ran{0};
  struct Posted : Job {
    Posted(Pool& p, std::atomic<int>& r, int n)
        : Job([](Job* job) noexcept {
            auto& self = *static_cast<Posted*>(job);
            EXPECT_EQ(self.pool.worker_index(), 2);
            std::atomic<int>& ran = self.ran;
            int number = self.number;
            EXPECT_EQ(ran.fetch_add(1), number);  // the last one lets the test, and this job, end
            ran.notify_all();
          }),
          pool(p),
          ran(r),
          number(n) {}
    Pool& pool;
    std::atomic<int>& ran;
    int number;
  };
  std::vector<std::unique_ptr<Posted>> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back(std::make_unique<Posted>(pool, ran, i));
  for (auto& job : jobs) pool.post_to(2, *job);
  for (int seen = 0; (seen = ran.load()) < 100;) ran.wait(seen);
}

Task<> many_yielding_children() {
  long sum = co_await with_group<long>([](this auto, auto& group) -> Task<long> {
    for (int i = 0; i < 200; ++i)
      group.spawn([](this auto, int n) -> Task<long> {
        co_await yield();
        co_return n;
      }(i));
    long total = 0;
    while (auto n = co_await group.next()) total += *n;
    co_return total;
  });
  EXPECT_EQ(sum, 199 * 100);
}
TEST(Pool, WorksTheSameWithoutAsymmetricFences) {
  detail::refuse_asymmetric_fences(true);
  // A pool prepares the fences; refused again before it has work.
  Pool pool({.threads = 4});
  detail::refuse_asymmetric_fences(true);
  for (int i = 0; i < 50; ++i) sync_wait(pool, many_yielding_children());
  detail::refuse_asymmetric_fences(false);
}

TEST(Pool, ForksAndJoinsDeepTrees) {
  Pool pool({.threads = 4});
  EXPECT_EQ(sync_wait(pool, laws::fib(18)), 2584);
}

// While nothing runs at all: the pool's monitor has gone to sleep, and only a parked worker can keep the timer.
TEST(Pool, ALongSleepEndsThoughEveryWorkerIsAsleep) {
  Pool pool({.threads = 3});
  auto nap = [](this auto, Duration time) -> Task<> { EXPECT_EQ(co_await sleep_for(time), SleepOutcome::elapsed); };
  sync_wait(pool, nap(1ms));
  sync_wait(pool, nap(800ms));
}

Task<int> bridged() {
  int at_once = co_await with_continuation<int>([](Continuation<int> done) { done.resume(1); });
  int later = co_await with_continuation<int>(
      [](Continuation<int> done) { std::thread([done = std::move(done)]() mutable { done.resume(41); }).detach(); });
  co_return at_once + later;
}
TEST(Continuation, IsResumedFromAnyThread) {
  Pool pool({.threads = 2});
  EXPECT_EQ(sync_wait(pool, bridged()), 42);
}

TEST(MainLoop, IsServedByTheThreadThatWaits) {
  Pool pool({.threads = 1});
  sync_wait(pool,
            [](this auto, Pool& pool, std::thread::id here) -> Task<> {
              EXPECT_EQ(current_executor(), pool.runtime().main());
              EXPECT_EQ(std::this_thread::get_id(), here);
              co_return;
            }(pool, std::this_thread::get_id()),
            {.executor = pool.runtime().main()});
}

// Runs on a worker and on main by turns, so that somebody must serve main until its end.
Task<int> hops(Pool& pool, int rounds) {
  int sum = 0;
  for (int i = 0; i < rounds; ++i) {
    co_await spawn(
        [](this auto, int& sum) -> Task<> {
          ++sum;
          co_return;
        }(sum),
        {.executor = pool.runtime().main()});
    co_await yield();
  }
  co_return sum;
}

TEST(SyncWait, FromManyThreadsAtOnceEachGetsItsOwnResult) {
  Pool pool({.threads = 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&pool, i] {
      for (int round = 0; round < 30; ++round) EXPECT_EQ(sync_wait(pool, hops(pool, i + 1)), i + 1);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(SyncWait, OutlastsAStopOfTheMainLoop) {
  Pool pool({.threads = 1});
  auto stops = [](this auto, Pool& pool) -> Task<int> {
    pool.main_loop().stop();
    co_return co_await hops(pool, 10);
  };
  EXPECT_EQ(sync_wait(pool, stops(pool)), 10);
  EXPECT_EQ(sync_wait(pool, stops(pool)), 10);  // with the first stop still to be seen by the next `run`
  pool.main_loop().run(pool.runtime());
}

TEST(SyncWait, ServesMainWhenTheThreadThatServedItStops) {
  Pool pool({.threads = 1});
  MainLoop& loop = pool.main_loop();
  std::thread server([&] { loop.run(pool.runtime()); });
  while (!loop.serving()) std::this_thread::yield();
  auto body = [](this auto, Pool& pool, std::thread::id server) -> Task<int> {
    pool.main_loop().stop();
    while (pool.main_loop().serving() == server) co_await yield();
    co_return co_await hops(pool, 10);
  };
  EXPECT_EQ(sync_wait(pool, body(pool, server.get_id())), 10);
  server.join();
}

TEST(MainLoop, AStopEndsARunThatWaitsForItsTurnBehindAWaiter) {
  Pool pool({.threads = 1});
  MainLoop& loop = pool.main_loop();
  std::atomic<bool> ended{false};
  std::thread second;
  auto body = [&](this auto) -> Task<> {
    while (loop.serving() != std::this_thread::get_id()) co_await yield();
    second = std::thread([&] {
      loop.run(pool.runtime());
      ended = true;
    });
    loop.stop();
    while (!ended) co_await yield();
  };
  sync_wait(pool, body(), {.executor = pool.runtime().main()});
  second.join();
}

TEST(MainExecutor, KeepsItsGuaranteeWhenAnotherThreadServesIt) {
  Pool pool({.threads = 2});
  MainLoop& loop = pool.main_loop();
  std::set<std::thread::id> threads;
  int inside = 0;
  auto on_main = [&] {
    EXPECT_EQ(++inside, 1);
    threads.insert(std::this_thread::get_id());
    EXPECT_EQ(current_executor(), pool.runtime().main());
    --inside;
  };
  SpawnOptions options{.executor = pool.runtime().main(), .runtime = &pool.runtime()};
  // One turn of a task here, its next on another thread.
  std::optional<Continuation<>> gate;
  auto both = spawn(
      [&](this auto) -> Task<> {
        on_main();
        co_await with_continuation([&](Continuation<> done) { gate.emplace(std::move(done)); });
        on_main();
      }(),
      options);
  loop.run_ready(pool.runtime());
  gate->resume();
  std::thread([&] { loop.run_ready(pool.runtime()); }).join();
  EXPECT_TRUE(both.is_done());
  EXPECT_EQ(threads.size(), 2u);
  // Two threads that both want to serve it, while tasks come and go.
  auto body = [&](this auto) -> Task<> {
    for (int i = 0; i < 50; ++i) {
      on_main();
      co_await spawn_detached([](this auto) -> Task<> { co_return; }());
    }
  };
  std::vector<TaskHandle<>> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(spawn(body(), options));
  auto serve = [&] {
    while (std::ranges::any_of(tasks, [](auto& task) { return !task.is_done(); })) {
      loop.run_ready(pool.runtime());
      std::this_thread::yield();
    }
  };
  std::thread other(serve);
  serve();
  other.join();
}

struct Ledger : GlobalActor<Ledger> {};
int balance = 0;  // guarded by Ledger, whichever pool comes
Task<int> add(int n, On<Ledger> = {}) { co_return balance += n; }
TEST(GlobalActor, IsSharedByTheTasksOfSeveralRuntimesWhichEachGoHome) {
  Pool one({.threads = 2}), other({.threads = 2});
  auto work = [](this auto, Pool& mine) -> Task<> {
    for (int i = 0; i < 500; ++i) {
      (void)co_await add(1);
      EXPECT_GE(mine.worker_index(), 0) << "generic code of a task ran on another runtime's thread";
      EXPECT_EQ(current_runtime(), &mine.runtime());
    }
  };
  std::thread second([&] { sync_wait(other, work(other)); });
  sync_wait(one, work(one));
  second.join();
  EXPECT_EQ(sync_wait(one, add(0)), 1000);
}

TEST(Task, ATaskThatAwaitsOneOfAnotherRuntimeGoesOnOnItsOwn) {
  Pool one({.threads = 2}), other({.threads = 2});
  for (int i = 0; i < 50; ++i) {
    sync_wait(one, [](this auto, Pool& mine, Pool& other) -> Task<> {
      auto there = spawn(
          [](this auto, Pool& other) -> Task<int> {
            co_await yield();
            EXPECT_GE(other.worker_index(), 0);
            co_return 1;
          }(other),
          {.runtime = &other.runtime()});
      EXPECT_EQ(co_await std::move(there), 1);
      EXPECT_GE(mine.worker_index(), 0);
    }(one, other));
  }
}

}  // namespace
}  // namespace crank
