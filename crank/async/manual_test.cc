// What only the manual executor can show, since it is turned step by step: what runs when, and what costs nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/backtrace.h"
#include "crank/async/channel.h"
#include "crank/async/clock.h"
#include "crank/async/continuation.h"
#include "crank/async/global_actor.h"
#include "crank/async/group.h"
#include "crank/async/laws_bodies.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/trace.h"
#include "crank/async/yield.h"
#include "crank/base/text.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

TEST(Task, SuspendingClearsTheCurrentTaskOfTheThread) {
  ManualExecutor manual;
  auto handle = spawn([](this auto) -> Task<> { (void)co_await sleep_for(1s); }(),
                      {.name = "sleeper", .runtime = &manual.runtime()});
  manual.step();
  EXPECT_EQ(current_task(), nullptr);
  EXPECT_STREQ(handle.task().name(), "sleeper");
  manual.run_to_end();
}

Task<> innermost(std::optional<Continuation<>>* hold) {
  co_await with_continuation([&](Continuation<> done) { hold->emplace(std::move(done)); });
}
Task<> middle(std::optional<Continuation<>>* hold) { co_await innermost(hold); }
Task<> outermost(std::optional<Continuation<>>* hold) {
  auto child = async_let(middle(hold));
  co_await child;
}

TEST(Backtrace, WalksFramesInnermostFirstAndThenTheParentTask) {
  ManualExecutor manual;
  std::optional<Continuation<>> hold;
  TaskRecord* waiting = nullptr;
  struct Finder {
    static void record(void* out, const TraceRecord& record) noexcept {
      if (record.event == TraceEvent::suspended) *static_cast<const TaskRecord**>(out) = record.task;
    }
  };
  TraceSink sink{Finder::record, &waiting};
  install_trace(&sink);
  auto task = spawn(outermost(&hold), {.name = "outer", .runtime = &manual.runtime()});
  manual.run();
  install_trace(nullptr);
  ASSERT_TRUE(waiting && hold);
  std::vector<AsyncFrame> frames = async_backtrace(*waiting);
  ASSERT_EQ(frames.size(), 3u);
  std::string text = to_string(frames);
  auto at = [&](const char* name) { return text.find(name); };
  EXPECT_LT(at("innermost"), at("middle"));
  EXPECT_LT(at("middle"), at("child of task"));
  EXPECT_LT(at("child of task"), at("outermost"));
  EXPECT_NE(text.find("manual_test.cc:"), std::string::npos);
  for (const AsyncFrame& frame : frames) EXPECT_GT(frame.resume_point.line(), 0u);
  EXPECT_STREQ(frames.back().task_name, "outer");
  hold->resume();
  manual.run();
}

TEST(Backtrace, OfAChildWhoseParentRunsEndsWithTheChild) {
  ManualExecutor manual;
  manual.run([](this auto) -> Task<> {
    co_await yield();  // it has a resume point, of long ago
    std::optional<Continuation<>> hold;
    auto child = async_let(middle(&hold));
    while (!hold) co_await yield();
    EXPECT_EQ(async_backtrace(child.task()).size(), 2u);
    hold->resume();
    co_await child;
  }());
}

TEST(Backtrace, TellsFramesApartAndWhereTheyAre) {
  ManualExecutor manual;
  std::optional<Continuation<>> hold;
  auto task = spawn(middle(&hold), {.runtime = &manual.runtime()});
  // Enqueued and not run: nothing of its function is known yet.
  std::vector<AsyncFrame> before = async_backtrace(task.task());
  ASSERT_EQ(before.size(), 1u);
  EXPECT_FALSE(before[0].begun());
  EXPECT_EQ(to_string(before), concat("not begun, frame ", before[0].address, "\n"));
  manual.run();
  std::vector<AsyncFrame> frames = async_backtrace(task.task());
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_TRUE(frames[0].begun() && frames[1].begun());
  EXPECT_NE(frames[0].address, frames[1].address);
  EXPECT_EQ(frames[1].address, before[0].address);
  EXPECT_NE(to_string(frames).find(concat("), suspended, frame ", frames[1].address, "\n")), std::string::npos);
  hold->resume();
  manual.run();
  // Its frames are gone with it.
  EXPECT_TRUE(task.is_done());
  EXPECT_TRUE(async_backtrace(task.task()).empty());
}

class Counter : public Actor {
 public:
  using Actor::Actor;
  Task<> count() { co_return; }
};
TEST(Backtrace, OfACallThatWaitsForItsActorShowsACallNotBegunAndItsCaller) {
  ManualExecutor manual;
  auto counter = make_actor<Counter>(manual.runtime());
  DefaultActor& executor = *counter.executor().default_actor();
  ASSERT_TRUE(executor.try_enter());
  executor.park_turn();
  auto task =
      spawn([](this auto, ActorRef<Counter> counter) -> Task<> { co_await counter.call(&Counter::count); }(counter),
            {.runtime = &manual.runtime()});
  manual.run();
  std::vector<AsyncFrame> frames = async_backtrace(task.task());
  ASSERT_GE(frames.size(), 2u);
  EXPECT_FALSE(frames.front().begun());
  EXPECT_TRUE(frames.back().begun());
  executor.continue_turn();
  executor.leave();
  manual.run();
  EXPECT_TRUE(task.is_done());
}

TEST(Continuation, ResumingRunsNoUserCodeInsideTheResumer) {
  ManualExecutor manual;
  std::vector<int> order;
  std::optional<Continuation<>> kept;
  auto waiter = spawn(
      [&](this auto) -> Task<> {
        co_await with_continuation([&](Continuation<> done) { kept.emplace(std::move(done)); });
        order.push_back(2);
      }(),
      {.runtime = &manual.runtime()});
  auto resumer = spawn(
      [&](this auto) -> Task<> {
        kept->resume();
        order.push_back(1);
        co_return;
      }(),
      {.runtime = &manual.runtime()});
  manual.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

Task<int> one() { co_return 1; }

TEST(Task, NothingSuspendsWhereTheValueIsThere) {
  ManualExecutor manual;
  int suspended = 0;
  struct Counts {
    static void record(void* count, const TraceRecord& record) noexcept {
      *static_cast<int*>(count) += record.event == TraceEvent::suspended || record.event == TraceEvent::resumed;
    }
  };
  TraceSink sink{Counts::record, &suspended};
  install_trace(&sink);
  auto task = spawn(
      [](this auto) -> Task<int> {
        Channel<int> channel(1);
        int sum = co_await one();
        sum += co_await with_continuation<int>([](Continuation<int> done) { done.resume(1); });
        EXPECT_TRUE(co_await channel.send(1));
        sum += *co_await channel.receive();
        EXPECT_EQ(co_await with_group<int>([](this auto, auto& group) -> Task<int> { co_return group.size(); }), 0);
        co_return sum;
      }(),
      {.runtime = &manual.runtime()});
  EXPECT_EQ(manual.run(), 1u);  // the start; everything else went on in place
  install_trace(nullptr);
  ASSERT_TRUE(task.is_done());
  EXPECT_EQ(task.result_now().take<Exceptions::none>(), 3);
  EXPECT_EQ(suspended, 0);
}

Task<unsigned long long> refills_of_a_warm_loop() {
  unsigned long long asked = 0;
  for (int warm = 0; warm < 2; ++warm) {  // the second time counts
    auto before = frame_refills();
    EXPECT_EQ(co_await laws::warm_round(), 400);
    asked = frame_refills() - before;
  }
  co_return asked;
}
TEST(Frames, AWarmLoopAsksTheSystemForNoMemory) {
  if (!detail::frames_are_pooled) GTEST_SKIP() << "under AddressSanitizer every frame is an own allocation";
  ManualExecutor manual;
  EXPECT_EQ(manual.run(refills_of_a_warm_loop()), 0u);
}

TEST(Frames, MayBeFreedInAnyOrderAndOnAnotherThread) {
  std::vector<void*> blocks;
  for (int i = 0; i < 5000; ++i) blocks.push_back(detail::frame_allocate(200));
  EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
  std::thread([&] {
    for (std::size_t i = 0; i < blocks.size(); i += 2) detail::frame_free(blocks[i], 200);
    for (std::size_t i = 1; i < blocks.size(); i += 2) detail::frame_free(blocks[i], 200);
  }).join();
  if (detail::frames_are_pooled) {
    auto before = frame_refills();
    for (auto& block : blocks) block = detail::frame_allocate(200);
    EXPECT_LE(frame_refills(), before + 1);  // that thread's blocks came back
    for (void* block : blocks) detail::frame_free(block, 200);
  }
}

TEST(Priorities, DoNotReorderOnTheManualExecutor) {
  ManualExecutor manual;
  std::vector<int> order;
  laws::Mark low(&order, 0, Priority::background), high(&order, 1, Priority::high);
  manual.runtime().enqueue(low);
  manual.runtime().enqueue(high);
  manual.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1}));
  // Nor does an actor's queue there.
  DefaultActor actor(manual.runtime());
  actor.enqueue(low);
  actor.enqueue(high);
  manual.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 0, 1}));
}

TEST(Clock, AMachineThatSleepsMovesTheContinuousOneAlone) {
  ManualExecutor manual;
  auto as_a_person_means_it = spawn([](this auto) -> Task<> { (void)co_await sleep_until(continuous_now() + 10min); }(),
                                    {.runtime = &manual.runtime()});
  auto as_work_is_measured =
      spawn([](this auto) -> Task<> { (void)co_await sleep_for(10min); }(), {.runtime = &manual.runtime()});
  manual.advance(1min);
  manual.machine_sleeps(1h);
  manual.advance(1s);
  EXPECT_TRUE(as_a_person_means_it.is_done());
  EXPECT_FALSE(as_work_is_measured.is_done());
  manual.advance(9min);
  EXPECT_TRUE(as_work_is_measured.is_done());
  EXPECT_EQ(manual.runtime().timers().size(), 0u);
}

TEST(Clock, TheMachinesContinuousOneIsNeverBehindTheSuspendingOne) {
  Instant suspending = suspending_now();
  EXPECT_GE(continuous_now().time_since_epoch(), suspending.time_since_epoch());  // on Linux both count from the start
}

class Leaver : public Actor {
 public:
  using Actor::Actor;
  ~Leaver() { ++gone; }
  static inline int gone = 0;
};
TEST(Actor, ItsLastReferenceMayBeDroppedOnItself) {
  ManualExecutor manual;
  {
    auto leaver = make_actor<Leaver>(manual.runtime());
    ExecutorRef there = leaver.executor();
    auto task = spawn(
        [](this auto, ActorRef<Leaver> leaver, ExecutorRef there) -> Task<> {
          EXPECT_EQ(current_executor(), there);
          leaver = ActorRef<Leaver>(nullptr);
          EXPECT_EQ(Leaver::gone, 0);
          co_return;
        }(std::move(leaver), there),
        {.executor = there, .runtime = &manual.runtime()});
    manual.run();
    EXPECT_TRUE(task.is_done());
  }
  EXPECT_EQ(Leaver::gone, 1);
}

Task<std::string> interleaving() {
  std::string text;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    for (char name : {'a', 'b', 'c', 'd'})
      group.spawn([](this auto, std::string& text, char name) -> Task<> {
        for (int i = 0; i < 3; ++i) {
          text.push_back(name);
          co_await yield();
        }
      }(text, name));
    while (co_await group.next()) {}
  });
  co_return text;
}
TEST(ManualExecutor, ASeedReplaysARunAndOthersDiffer) {
  std::set<std::string> texts;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ManualExecutor first(seed), again(seed);
    std::string text = first.run(interleaving());
    EXPECT_EQ(again.run(interleaving()), text);
    texts.insert(text);
  }
  EXPECT_GT(texts.size(), 10u);
  ManualExecutor plain;
  EXPECT_EQ(plain.run(interleaving()), "abcdabcdabcd");
}

// Wraps the hooks of a runtime that exists already: counts, and passes on.
struct CountingHooks {
  explicit CountingHooks(Runtime& runtime) : inner(runtime.hooks()) {
    runtime.replace_hooks({.context = this,
                           .enqueue_global =
                               [](void* context, Job& job) noexcept {
                                 auto& self = *static_cast<CountingHooks*>(context);
                                 ++self.global;
                                 self.inner.enqueue_global(self.inner.context, job);
                               },
                           .enqueue_delayed =
                               [](void* context, Job& job, Instant when) noexcept {
                                 auto& self = *static_cast<CountingHooks*>(context);
                                 ++self.delayed;
                                 self.inner.enqueue_delayed(self.inner.context, job, when);
                               },
                           .enqueue_main =
                               [](void* context, Job& job) noexcept {
                                 auto& self = *static_cast<CountingHooks*>(context);
                                 ++self.main;
                                 self.inner.enqueue_main(self.inner.context, job);
                               }});
  }
  Hooks inner;
  std::atomic<int> global{0}, delayed{0}, main{0};
};
Task<> shown(On<MainActor> = {}) {
  MainActor::assert_isolated();
  co_return;
}
Task<> passes_by_every_hook() {
  for (int i = 0; i < 5; ++i) co_await yield();
  co_await shown();
  (void)co_await sleep_for(1ms);
  co_await with_group<>([](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 3; ++i) group.spawn(shown());
    while (co_await group.next()) {}
  });
}

TEST(Hooks, ReplacedOnesSeeEveryJobOfAManualRuntime) {
  ManualExecutor manual;
  CountingHooks counting(manual.runtime());
  manual.run(passes_by_every_hook());
  EXPECT_EQ(counting.global, 1 + 5 + 1 + 1 + 1);  // start, yields, back from main, the sleep's end, the last child's
  EXPECT_EQ(counting.main, 1 + 3);
  EXPECT_EQ(counting.delayed, 1);
}

// Also what a worker would keep to itself.
TEST(Hooks, ReplacedOnesSeeEveryJobOfAPool) {
  Pool pool({.threads = 1});
  CountingHooks counting(pool.runtime());
  sync_wait(pool, passes_by_every_hook());
  EXPECT_GE(counting.global, 1 + 5 + 1 + 1);  // the children may end before they are waited for
  EXPECT_EQ(counting.main, 1 + 3);
  EXPECT_EQ(counting.delayed, 1);
}

TEST(DefaultActor, NestedEnterAndLeaveKeepTheOrderOfWhatArrived) {
  ManualExecutor manual;
  DefaultActor outer(manual.runtime()), inner(manual.runtime());
  std::vector<int> order;
  laws::Mark a(&order, 1, Priority::medium), b(&order, 2, Priority::medium), c(&order, 3, Priority::medium);
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

}  // namespace
}  // namespace crank
