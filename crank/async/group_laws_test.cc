// Laws of structure (R8): groups, async_let, races, time-outs; and of errors and exceptions on their way through them.
#include <chrono>
#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

#include "crank/async/async_let.h"
#include "crank/async/group.h"
#include "crank/async/laws.h"
#include "crank/async/laws_bodies.h"
#include "crank/async/or_return.h"
#include "crank/async/race.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/timeout.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

Task<int> answer(int n) { co_return n; }
Task<int> answer_after(Duration time, int n) {
  if (co_await sleep_for(time) == SleepOutcome::cancelled) co_return -n;
  co_return n;
}
std::size_t timers_left() { return current_runtime()->timers().size(); }

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

LAW(Group, GivesEveryResultOnce) {
  EXPECT_EQ(co_await sum_of(1000, 0), 500500);
  EXPECT_EQ(co_await sum_of(1000, 3), 500500);
  EXPECT_EQ(co_await sum_of(0, 0), 0);
}

LAW(Group, ABoundedOneRunsNoMoreChildrenThanItsWidth) {
  std::atomic<int> running{0}, most{0};
  auto child = [&](this auto) -> Task<> {
    int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
    (void)co_await sleep_for(1ms);
    --running;
  };
  co_await with_group<>(
      [&](this auto, auto& group) -> Task<> {
        for (int i = 0; i < 10; ++i) group.spawn(child());
        while (co_await group.next()) {}
      },
      {.width = 3});
  EXPECT_LE(most.load(), 3);
  EXPECT_GE(most.load(), 1);
  // One thread on virtual time: all that may run begin before the first wakes.
  if (current_runtime()->turned_by_one_thread()) EXPECT_EQ(most.load(), 3);
  EXPECT_EQ(running.load(), 0);
}

LAW_IN_TIME(Group, LeavingEarlyCancelsTheRestAndWaitsForIt) {
  std::atomic<int> ended{0};
  auto child = [&](this auto, Duration time) -> Task<int> {
    auto outcome = co_await sleep_for(time);
    ++ended;
    co_return outcome == SleepOutcome::elapsed ? 1 : 2;
  };
  Instant start = current_runtime()->now();
  int first = co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
    group.spawn(child(1h));
    group.spawn(child(1s));
    group.spawn(child(2h));
    co_return *co_await group.next();
  });
  EXPECT_EQ(first, 1);
  EXPECT_EQ(ended.load(), 3);
  EXPECT_EQ(timers_left(), 0u);
  EXPECT_EQ(current_runtime()->now() - start, 1s);
}

Task<int> sum_of_sleepers() {
  co_return co_await with_group<int>([](this auto, auto& group) -> Task<int> {
    for (int i = 1; i <= 3; ++i) group.spawn(answer_after(1h, i));
    int total = 0;
    while (auto n = co_await group.next()) total += *n;
    co_return total;
  });
}

LAW(Group, CancellingItsTaskCancelsTheChildren) {
  auto task = spawn(sum_of_sleepers());
  co_await yield();
  task.cancel();
  EXPECT_EQ(co_await std::move(task), -6);
  EXPECT_EQ(timers_left(), 0u);
}

LAW(Group, ACancelledOneStartsItsChildrenCancelled) {
  int total = co_await with_group<int>([](this auto, auto& group) -> Task<int> {
    group.cancel();
    EXPECT_TRUE(group.is_cancelled());
    group.spawn(answer_after(1h, 7));
    co_return *co_await group.next();
  });
  EXPECT_EQ(total, -7);
}

LAW(Group, OfYieldingChildrenLosesNone) {
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

LAW(Group, OfGroupsThatAreCancelledInTheMiddleWaitsForEveryLeaf) {
  std::atomic<int> started{0}, ended{0};
  auto leaf = [&](this auto) -> Task<> {
    ++started;
    (void)co_await sleep_for(1h);
    ++ended;
  };
  auto task = spawn([&](this auto) -> Task<> {
    co_await with_group<>([&](this auto, auto& outer) -> Task<> {
      for (int i = 0; i < 5; ++i)
        outer.spawn([](this auto, auto leaf) -> Task<> {
          co_await with_group<>([&](this auto, auto& inner) -> Task<> {
            for (int k = 0; k < 5; ++k) inner.spawn(leaf());
            while (co_await inner.next()) {}
          });
        }(leaf));
      while (co_await outer.next()) {}
    });
  }());
  while (started.load() < 10) co_await yield();
  task.cancel();
  co_await std::move(task);
  EXPECT_EQ(ended.load(), 25);
  EXPECT_EQ(started.load(), 25);
}

// Alive with the frames it is a parameter or a local of.
struct Counted {
  std::atomic<int>* living;
  explicit Counted(std::atomic<int>& count) : living(&count) { ++*living; }
  Counted(Counted&& from) noexcept : living(from.living) { ++*living; }
  ~Counted() { --*living; }
};

LAW(DiscardingGroup, FreesFramesAsTheyEndAndRecordsAtTheNextSpawn) {
  std::atomic<int> living{0};
  auto child = [](this auto, Counted) -> Task<> { co_await yield(); };
  co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 10; ++i) group.spawn(child(Counted(living)));
      while (living.load() > 0) co_await yield();
      // A frame is gone just before its record can be taken, which a last one may still be on its way to.
      group.spawn(child(Counted(living)));
      while (group.size() > 1) {
        co_await yield();
        group.spawn(child(Counted(living)));
        while (living.load() > 0) co_await yield();
      }
    }
  });
  EXPECT_EQ(living.load(), 0);
}

LAW_IN_TIME(DiscardingGroup, WaitsForTheLast) {
  std::atomic<int> ended{0};
  auto child = [&](this auto) -> Task<> {
    (void)co_await sleep_for(1s);
    ++ended;
  };
  co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
    for (int i = 0; i < 5; ++i) group.spawn(child());
    EXPECT_EQ(group.size(), 5u);
    co_return;
  });
  EXPECT_EQ(ended.load(), 5);
}

LAW(DiscardingGroup, CancellingItStopsItsChildrenAndWaitsForThem) {
  std::atomic<int> cut{0};
  auto child = [&](this auto) -> Task<> { cut += co_await sleep_for(1h) == SleepOutcome::cancelled; };
  co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
    group.spawn(child());
    group.cancel();
    EXPECT_TRUE(group.is_cancelled());
    group.spawn(child());
    co_return;
  });
  EXPECT_EQ(cut.load(), 2);
}

LAW_IN_TIME(AsyncLet, RunsBesideItsParentAndIsAwaitedLater) {
  Instant start = current_runtime()->now();
  auto a = async_let(answer_after(1s, 1));
  auto b = async_let(answer_after(1s, 2));
  EXPECT_EQ(co_await a + co_await b, 3);
  EXPECT_EQ(current_runtime()->now() - start, 1s);
}

LAW(AsyncLet, ForksAndJoins) { EXPECT_EQ(co_await laws::fib(12), 144); }

LAW_IN_TIME(Race, TheFirstWinsAndTheOthersAreGone) {
  EXPECT_EQ(co_await race(answer_after(2s, 2), answer_after(1s, 1), answer_after(3s, 3)), 1);
  EXPECT_EQ(timers_left(), 0u);
}

LAW(Timeout, ABodyInTimeGivesItsValueAndLeavesNoTimer) {
  auto in_time = co_await with_timeout(1h, answer_after(1ms, 1));
  EXPECT_TRUE(in_time && *in_time == 1);
  EXPECT_EQ(timers_left(), 0u);
}

LAW(Timeout, ABodyThatIsLateIsCancelledWaitedForAndAnswersDeadline) {
  Instant start = current_runtime()->now();
  auto late = co_await with_timeout(2ms, answer_after(1h, 1));
  EXPECT_TRUE(!late && late.error().code() == Code::deadline);
  EXPECT_GE(current_runtime()->now() - start, 2ms);
  EXPECT_EQ(timers_left(), 0u);
}

LAW(Timeout, ADeadlineIsAnInstantAndMayHavePassed) {
  Instant now = current_runtime()->now();
  auto late = co_await with_deadline(now - 1s, answer_after(1h, 1));
  EXPECT_TRUE(!late && late.error().code() == Code::deadline);
  auto in_time = co_await with_deadline(now + 1h, answer(3));
  EXPECT_TRUE(in_time && *in_time == 3);
  EXPECT_EQ(timers_left(), 0u);
}

LAW(Timeout, CancellingItsTaskCancelsTheBody) {
  auto task =
      spawn([](this auto) -> Task<int> { co_return (co_await with_timeout(2h, answer_after(1h, 1))).value_or(0); }());
  co_await yield();
  task.cancel();
  EXPECT_EQ(co_await std::move(task), -1);
  EXPECT_EQ(timers_left(), 0u);
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

LAW(OrReturn, GivesTheValueOrEndsTheCoroutineWithTheError) {
  bool went_on = false;
  EXPECT_EQ((co_await twice(true, &went_on)).value_or(0), 14);
  went_on = false;
  auto bad = co_await twice(false, &went_on);
  EXPECT_TRUE(!bad && bad.error().message() == "not a number");
  EXPECT_FALSE(went_on);
}

LAW(OrReturn, LeavingAGroupByAnErrorCancelsTheRest) {
  std::atomic<bool> cancelled{false};
  auto slow = [&](this auto) -> Task<Result<int>> {
    cancelled = co_await sleep_for(1h) == SleepOutcome::cancelled;
    co_return 0;
  };
  auto outcome = co_await with_group<Result<int>>([&](this auto, auto& group) -> Task<Result<int>> {
    group.spawn(slow());
    group.spawn(parse(false));
    int sum = 0;
    while (auto part = co_await group.next()) sum += co_await or_return(std::move(*part));
    co_return sum;
  });
  EXPECT_FALSE(outcome.has_value());
  EXPECT_TRUE(cancelled.load());
}

#if defined(__cpp_exceptions)
Task<int> fails(int n) {
  if (n % 2) throw std::runtime_error("odd");
  co_return n;
}

LAW(Exceptions, AChildsSurfacesAtNextAndTheOthersAreCancelled) {
  std::atomic<bool> cancelled{false};
  auto slow = [&](this auto) -> Task<int> {
    cancelled = co_await sleep_for(1h) == SleepOutcome::cancelled;
    co_return 0;
  };
  bool thrown = false;
  try {
    co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
      group.spawn(slow());
      group.spawn(fails(1));
      co_return *co_await group.next();
    });
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  EXPECT_TRUE(cancelled.load());
}

LAW(Exceptions, OfABodyCancelsItsChildrenAndWaitsBeforeItSurfaces) {
  std::atomic<int> ended{0};
  auto slow = [&](this auto) -> Task<int> {
    (void)co_await sleep_for(1h);
    ++ended;
    co_return 0;
  };
  bool thrown = false;
  try {
    co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
      group.spawn(slow());
      group.spawn(slow());
      throw std::runtime_error("the body");
      co_return 0;
    });
  } catch (const std::runtime_error&) {
    thrown = true;
    EXPECT_EQ(ended.load(), 2);
  }
  EXPECT_TRUE(thrown);
}

LAW(Exceptions, OfSeveralChildrenAreTakenOneByOneAndNoneIsLost) {
  int caught = 0;
  co_await with_group<int>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 20; ++i) group.spawn(fails(i));
    while (group.size() > 0) {
      try {
        (void)co_await group.next();
      } catch (const std::runtime_error&) {
        ++caught;
      }
    }
  });
  EXPECT_EQ(caught, 10);
}

LAW(Exceptions, TheFirstOfADiscardingGroupCancelsTheOthersAndIsThrownAtTheEnd) {
  std::atomic<int> cancelled{0};
  bool thrown = false;
  try {
    co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
      for (int i = 0; i < 3; ++i)
        group.spawn([](this auto, std::atomic<int>& cancelled) -> Task<> {
          cancelled += co_await sleep_for(1h) == SleepOutcome::cancelled;
        }(cancelled));
      group.spawn([](this auto) -> Task<> {
        co_await yield();
        throw std::runtime_error("one of many");
      }());
      co_return;
    });
  } catch (const std::runtime_error& error) {
    thrown = std::string(error.what()) == "one of many";
  }
  EXPECT_TRUE(thrown);
  EXPECT_EQ(cancelled.load(), 3);
}

LAW(Exceptions, TravelThroughLetsHandlesRacesAndTimeouts) {
  int caught = 0;
  auto counts = [&](this auto, auto make) -> Task<> {
    try {
      co_await make();
    } catch (const std::runtime_error&) {
      ++caught;
    }
  };
  co_await counts([](this auto) -> Task<> {
    auto child = async_let(fails(1));
    co_await child;
  });
  co_await counts([](this auto) -> Task<> { co_await spawn(fails(1)); });
  co_await counts([](this auto) -> Task<> { co_await race(fails(1), answer_after(1h, 2)); });
  co_await counts([](this auto) -> Task<> { (void)co_await with_timeout(1h, fails(1)); });
  EXPECT_EQ(caught, 4);
  EXPECT_EQ(timers_left(), 0u);
}

// What nobody asks for: it is dropped, and what it held is freed.
struct Thrown {
  Counted counted;
};
LAW(Exceptions, OfLosersLateBodiesAndChildrenThatAreLeftAreDropped) {
  std::atomic<int> living{0}, thrown{0};
  auto throws_when_cancelled = [](this auto, auto& living, auto& thrown) -> Task<int> {
    if (co_await sleep_for(1h) == SleepOutcome::cancelled) {
      ++thrown;
      throw Thrown{Counted(living)};
    }
    co_return 0;
  };
  EXPECT_EQ(
      co_await race(throws_when_cancelled(living, thrown), answer_after(1ms, 1), throws_when_cancelled(living, thrown)),
      1);
  auto late = co_await with_timeout(1ms, throws_when_cancelled(living, thrown));
  EXPECT_TRUE(!late && late.error().code() == Code::deadline);
  EXPECT_EQ(co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
              for (int i = 0; i < 3; ++i) group.spawn(throws_when_cancelled(living, thrown));
              co_return 7;
            }),
            7);
  EXPECT_EQ(thrown.load(), 6);
  EXPECT_EQ(living.load(), 0);
}

LAW(Exceptions, OfADiscardingGroupAChildsGoesBeforeTheBodysAndTheOthersAreDropped) {
  std::atomic<int> living{0};
  int caught = 0;
  auto throws = [](this auto, auto& living) -> Task<> {
    co_await yield();
    throw Thrown{Counted(living)};
  };
  try {
    co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
      for (int i = 0; i < 3; ++i) group.spawn(throws(living), {.name = "throws"});
      throw std::runtime_error("the body");
      co_return;
    });
  } catch (const Thrown&) {
    ++caught;
  }
  EXPECT_EQ(caught, 1);
  EXPECT_EQ(living.load(), 0);
}
#endif

}  // namespace
}  // namespace crank
