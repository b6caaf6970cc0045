// Laws of cancellation (R9), sleeping and clocks.
#include <atomic>
#include <chrono>
#include <optional>

#include "crank/async/async_let.h"
#include "crank/async/cancellation.h"
#include "crank/async/clock.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/laws.h"
#include "crank/async/laws_bodies.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

std::size_t timers_left() { return current_runtime()->timers().size(); }

// A continuation that anyone may resume, once.
struct Gate {
  std::optional<Continuation<>> kept;
  std::atomic<Continuation<>*> open{nullptr};
  bool shut() const { return open.load() != nullptr; }
  void resume() noexcept {
    if (Continuation<>* waiting = open.exchange(nullptr)) waiting->resume();
  }
  Task<> pass() {
    co_await with_continuation([&](Continuation<> done) {
      kept.emplace(std::move(done));
      open.store(&*kept);
    });
  }
};

LAW(Cancellation, HandlersThatResumeEachOthersTasksDoNotDeadlock) {
  Gate gates[2];
  auto wait_at = [&](this auto, int mine) -> Task<> {
    auto stop = on_cancel([&]() noexcept { gates[1 - mine].resume(); });
    co_await gates[mine].pass();
    gates[1 - mine].resume();
  };
  auto one = spawn(wait_at(0)), two = spawn(wait_at(1));
  while (!gates[0].shut() || !gates[1].shut()) co_await yield();
  auto canceller = spawn([&](this auto) -> Task<> {
    two.cancel();
    co_return;
  }());
  one.cancel();
  co_await std::move(canceller);
  co_await std::move(one);
  co_await std::move(two);
}

LAW(Cancellation, HandlersThatCancelEachOthersTasksDoNotDeadlock) {
  for (int round = 0; round < 20; ++round) {
    std::optional<TaskHandle<>> tasks[2];
    std::atomic<int> ready{0}, told{0};
    auto body = [&](this auto, int mine) -> Task<> {
      while (ready.load() < 2) co_await yield();
      auto stop = on_cancel([&, mine]() noexcept {
        ++told;
        tasks[1 - mine]->cancel();
      });
      (void)co_await sleep_for(1h);
    };
    tasks[0].emplace(spawn(body(0)));
    tasks[1].emplace(spawn(body(1)));
    ready = 2;
    for (int i = 0; i < round; ++i) co_await yield();
    TaskRecord &one = tasks[0]->task(), &two = tasks[1]->task();
    auto canceller = spawn([&](this auto) -> Task<> {
      two.cancel();
      co_return;
    }());
    one.cancel();
    co_await std::move(canceller);
    while (!tasks[0]->is_done() || !tasks[1]->is_done()) co_await yield();
    // At most once each; one whose sleep was cut short first may have left its scope before its handler's turn came.
    EXPECT_GE(told.load(), 1);
    EXPECT_LE(told.load(), 2);
  }
  EXPECT_EQ(timers_left(), 0u);
}

struct EndsItself : CancellationHandler {
  EndsItself()
      : CancellationHandler([](CancellationHandler& self) noexcept { static_cast<EndsItself&>(self).run(); }) {}
  void run() noexcept {
    ++*runs;
    owner->reset();  // destroys this
  }
  ~EndsItself() { detach(); }
  std::optional<EndsItself>* owner = nullptr;
  int* runs = nullptr;
};
LAW(Cancellation, AHandlerMayEndItsOwnScope) {
  int runs = 0;
  auto task = spawn([](this auto, int* runs) -> Task<> {
    std::optional<EndsItself> handler;
    handler.emplace();
    handler->owner = &handler;
    handler->runs = runs;
    handler->attach(*current_task());
    current_task()->cancel();
    EXPECT_FALSE(handler.has_value());
    co_return;
  }(&runs));
  co_await std::move(task);
  EXPECT_EQ(runs, 1);
}

LAW(Cancellation, AHandlerOfACancelledTaskRunsAtOnceAndOnce) {
  auto task = spawn([](this auto) -> Task<int> {
    int runs = 0;
    current_task()->cancel();
    auto stop = on_cancel([&]() noexcept { ++runs; });
    current_task()->cancel();
    EXPECT_TRUE(is_cancelled());
    co_return runs;
  }());
  EXPECT_EQ(co_await std::move(task), 1);
}

LAW(Cancellation, AHandlerWhoseScopeHasEndedDoesNotRun) {
  std::atomic<int> runs{0};
  for (int i = 0; i < 50; ++i) {
    auto task = spawn([](this auto, std::atomic<int>& runs) -> Task<> {
      std::atomic<bool> alive{true};
      {
        auto stop = on_cancel([&]() noexcept {
          EXPECT_TRUE(alive.load());
          ++runs;
        });
        co_await yield();
      }
      alive = false;  // the handler is not running and never will
      co_await yield();
    }(runs));
    co_await yield();
    task.cancel();
    co_await std::move(task);
  }
  EXPECT_LE(runs.load(), 50);
}

LAW(Cancellation, AShieldLetsCleanUpSleep) {
  auto task = spawn([](this auto) -> Task<> {
    current_task()->cancel();
    EXPECT_TRUE(co_await sleep_for(1s) == SleepOutcome::cancelled);
    CancellationShield shield;
    EXPECT_FALSE(is_cancelled());
    EXPECT_TRUE(co_await sleep_for(1ms) == SleepOutcome::elapsed);
    auto child = async_let([](this auto) -> Task<bool> { co_return is_cancelled(); }());
    EXPECT_FALSE(co_await child);
  }());
  co_await std::move(task);
}

LAW(Cancellation, ReachesEveryLeafOfAWideTree) {
  for (int i = 0; i < 20; ++i) co_await laws::cancel_a_tree(5, 4, 4 * 2 * 4 * 2 * 4);
}

LAW(Cancellation, ReachesEveryLeafOfADeepTree) {
  for (int i = 0; i < 20; ++i) co_await laws::cancel_a_tree(15, 1, 128);
}

LAW(Cancellation, TravelsDownWhileTheTaskIsStillSettingUp) {
  for (int i = 0; i < 50; ++i) {
    auto handle = spawn([](this auto) -> Task<int> {
      auto inner =
          async_let([](this auto) -> Task<int> { co_return (co_await sleep_for(1h)) == SleepOutcome::cancelled; }());
      co_return co_await inner;
    }());
    co_await yield();
    handle.cancel();
    EXPECT_EQ(co_await std::move(handle), 1);
  }
  EXPECT_EQ(timers_left(), 0u);
}

// ---- sleep

LAW(Sleep, LastsItsTime) {
  Instant start = current_runtime()->now();
  EXPECT_TRUE(co_await sleep_for(5ms) == SleepOutcome::elapsed);
  EXPECT_GE(current_runtime()->now() - start, 5ms);
  EXPECT_TRUE(co_await sleep_until(start) == SleepOutcome::elapsed);  // passed already
}

LAW(Sleep, CancellingEndsItAtOnceAndLeavesNoTimer) {
  auto task = spawn([](this auto) -> Task<SleepOutcome> { co_return co_await sleep_for(1h); }());
  while (timers_left() == 0) co_await yield();
  task.cancel();
  EXPECT_EQ(timers_left(), 0u);
  EXPECT_TRUE(co_await std::move(task) == SleepOutcome::cancelled);
}

Task<Instant> wakes_at(Duration time, Duration tolerance) {
  (void)co_await sleep_for(time, tolerance);
  co_return current_runtime()->now();
}
LAW_IN_TIME(Sleep, ToleranceSharesAWakeUpAndNeverComesEarly) {
  struct Case {
    Duration tolerance, wakes;
  };
  // Alone in its window it ends with that.
  for (Case one : {Case{0ms, 90ms}, Case{5ms, 95ms}, Case{10ms, 100ms}, Case{1h, 100ms}}) {
    Instant start = current_runtime()->now();
    auto strict = async_let(wakes_at(100ms, 0ms));
    while (timers_left() == 0) co_await yield();
    EXPECT_EQ(co_await wakes_at(90ms, one.tolerance) - start, one.wakes);
    EXPECT_EQ(co_await strict - start, 100ms);
  }
}

// Whatever is armed before, and whichever of the two began first.
LAW_IN_TIME(Sleep, ToleranceSharesTheWakeUpOfALaterTimerInItsWindow) {
  for (bool tolerant_first : {true, false}) {
    Instant start = current_runtime()->now();
    auto earlier = async_let(wakes_at(50ms, 0ms));
    while (timers_left() < 1) co_await yield();
    auto one = async_let(wakes_at(tolerant_first ? 90ms : 95ms, tolerant_first ? 10ms : 0ms));
    while (timers_left() < 2) co_await yield();
    auto other = async_let(wakes_at(tolerant_first ? 95ms : 90ms, tolerant_first ? 0ms : 10ms));
    EXPECT_EQ(co_await earlier - start, 50ms);
    EXPECT_EQ(co_await one - start, 95ms);
    EXPECT_EQ(co_await other - start, 95ms);
  }
}

LAW_IN_TIME(Sleep, OnTheContinuousClockLastsItsTimeToo) {
  Instant start = current_runtime()->now();
  EXPECT_TRUE(co_await sleep_until(continuous_now() + 10s) == SleepOutcome::elapsed);
  EXPECT_EQ(current_runtime()->now() - start, 10s);
  auto task = spawn([](this auto) -> Task<SleepOutcome> { co_return co_await sleep_until(continuous_now() + 1h); }());
  while (timers_left() == 0) co_await yield();
  task.cancel();
  EXPECT_TRUE(co_await std::move(task) == SleepOutcome::cancelled);
  EXPECT_EQ(timers_left(), 0u);
}

}  // namespace
}  // namespace crank
