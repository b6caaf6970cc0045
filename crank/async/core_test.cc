#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/continuation.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/sync_wait.h"
#include "crank/async/task.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

Task<int> half(int n) { co_return n / 2; }
Task<int> quarter(int n) { co_return co_await half(co_await half(n)); }

TEST(Task, AnAwaitGivesTheResultOfTheCall) {
  ManualExecutor manual;
  EXPECT_EQ(manual.run(quarter(8)), 2);
}

Task<int> throws() {
  throw std::runtime_error("no");
  co_return 1;
}
Task<std::string> catches() {
  try {
    co_await throws();
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "nothing";
}

TEST(Task, AnExceptionSurfacesAtTheAwait) {
  ManualExecutor manual;
  EXPECT_EQ(manual.run(catches()), "no");
}

Task<int> sleeper() {
  auto started = current_runtime()->now();
  EXPECT_EQ(co_await sleep_for(50ms), SleepOutcome::elapsed);
  co_return static_cast<int>((current_runtime()->now() - started) / 1ms);
}

TEST(Sleep, LastsItsTimeOnTheVirtualClock) {
  ManualExecutor manual;
  EXPECT_EQ(manual.run(sleeper()), 50);
}

TEST(Sleep, CancellingEndsItAtOnceAndLeavesNoTimer) {
  ManualExecutor manual;
  auto handle = spawn([]() -> Task<SleepOutcome> { co_return co_await sleep_for(1h); }, {.runtime = &manual.runtime()});
  manual.run();
  EXPECT_EQ(manual.runtime().timers().size(), 1u);
  handle.cancel();
  EXPECT_EQ(manual.runtime().timers().size(), 0u);
  manual.run();
  ASSERT_TRUE(handle.is_done());
  EXPECT_EQ(handle.result_now().take<Exceptions::none>(), SleepOutcome::cancelled);
}

class Counter : public Actor {
 public:
  using Actor::Actor;
  Task<int> add(int n) {
    assert_isolated();
    co_return total_ += n;
  }

 private:
  int total_ = 0;
};

Task<int> count_on(ActorRef<Counter> counter, int times) {
  int last = 0;
  for (int i = 0; i < times; ++i) {
    last = co_await counter.call(&Counter::add, 1);
    EXPECT_TRUE(current_executor().is_generic());
  }
  co_return last;
}

Task<int> many_counters() {
  auto counter = make_actor<Counter>();
  std::vector<TaskHandle<int>> handles;
  for (int i = 0; i < 8; ++i) handles.push_back(spawn(count_on(counter, 1000)));
  for (auto& handle : handles) co_await std::move(handle);
  co_return co_await counter.call(&Counter::add, 0);
}

TEST(Actor, CountsEveryCallOnceOnManyThreads) {
  Pool pool({.threads = 4});
  EXPECT_EQ(sync_wait(pool, many_counters()), 8000);
}

TEST(Actor, CountsEveryCallOnceOnTheManualExecutorWithAnySeed) {
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    ManualExecutor manual(seed);
    EXPECT_EQ(manual.run(many_counters()), 8000);
  }
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

TEST(Continuation, DroppingItUnresumedNamesTheFunctionThatMadeIt) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run([]() -> Task<> { co_await with_continuation([](Continuation<> done) {}); }()),
               "dropped without");
}

TEST(DefaultActor, NestedEnterAndLeaveKeepTheOrderOfWhatArrived) {
  ManualExecutor manual;
  DefaultActor outer(manual.runtime()), inner(manual.runtime());
  static std::vector<int> order;
  order.clear();
  struct Numbered : Job {
    explicit Numbered(int number)
        : Job([](Job* job) noexcept { order.push_back(static_cast<Numbered*>(job)->number); }), number(number) {}
    int number;
  };
  Numbered a(1), b(2), c(3);
  ASSERT_TRUE(outer.try_enter());
  EXPECT_TRUE(outer.is_current());
  ASSERT_TRUE(inner.try_enter());
  EXPECT_TRUE(inner.is_current());
  EXPECT_FALSE(outer.try_enter());
  inner.enqueue(a);
  inner.enqueue(b);
  EXPECT_EQ(manual.run(), 0u);
  inner.leave();
  EXPECT_TRUE(outer.is_current());
  inner.enqueue(c);
  outer.leave();
  EXPECT_TRUE(current_executor().is_generic());
  manual.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_FALSE(inner.held());
}

TEST(DefaultActor, AParkedTurnIsContinuedByAnotherThread) {
  ManualExecutor manual;
  DefaultActor actor(manual.runtime());
  ASSERT_TRUE(actor.try_enter());
  actor.park_turn();
  EXPECT_FALSE(actor.is_current());
  EXPECT_FALSE(actor.try_enter());
  std::thread([&] {
    actor.continue_turn();
    EXPECT_TRUE(actor.is_current());
    actor.leave();
  }).join();
  EXPECT_FALSE(actor.held());
}

Task<> on_main(Pool& pool) {
  EXPECT_EQ(current_executor(), pool.runtime().main());
  co_return;
}

TEST(MainLoop, IsServedByTheThreadThatWaits) {
  Pool pool({.threads = 1});
  sync_wait(pool, on_main(pool), {.executor = pool.runtime().main()});
}

// While nothing runs at all: the pool's monitor has gone to sleep, and only a parked worker can keep the timer.
TEST(Pool, ALongSleepEndsThoughEveryWorkerIsAsleep) {
  Pool pool({.threads = 3});
  auto nap = [](this auto, Duration time) -> Task<> { EXPECT_EQ(co_await sleep_for(time), SleepOutcome::elapsed); };
  sync_wait(pool, nap(1ms));
  sync_wait(pool, nap(800ms));
}

TEST(Pool, RealSleepsEnd) {
  Pool pool({.threads = 2});
  EXPECT_GE(sync_wait(pool, sleeper()), 50);
}

}  // namespace
}  // namespace crank
