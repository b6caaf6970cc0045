#include "crank/guest/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "crank/async/manual_executor.h"
#include "crank/async/spawn.h"
#include "crank/async/turn.h"

namespace crank::guest {
namespace {

using testing::ElementsAre;

struct Note : Job {
  Note(std::vector<int>& where, int what) : Job(write), seen(where), number(what) {}
  static void write(Job* job) noexcept {
    auto& note = *static_cast<Note*>(job);
    note.seen.push_back(note.number);
    note.executor = current_executor();
  }
  std::vector<int>& seen;
  int number;
  ExecutorRef executor;
};

struct CaptureTest : testing::Test {
  Capture capture;
  Instant now{};
  Runtime runtime{capture.hooks(), [](void* instant) noexcept { return *static_cast<Instant*>(instant); }, &now};
  std::vector<int> seen;
  Note one{seen, 1}, two{seen, 2}, three{seen, 3};
};

TEST_F(CaptureTest, EnqueueingRunsNothing) {
  runtime.enqueue(one);
  runtime.enqueue_main(two);
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(capture.ready(), 2U);
}

TEST_F(CaptureTest, RunsFirstInFirstOutWhicheverHookItCameBy) {
  runtime.enqueue_main(one);
  runtime.enqueue(two);
  runtime.enqueue_main(three);
  EXPECT_EQ(capture.run(runtime, 100), 3U);
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_TRUE(capture.empty());
}

TEST_F(CaptureTest, RunsAtMostItsBudget) {
  for (Note* note : {&one, &two, &three}) runtime.enqueue(*note);
  EXPECT_EQ(capture.run(runtime, 2), 2U);
  EXPECT_EQ(capture.ready(), 1U);
  EXPECT_EQ(capture.run(runtime, 0), 0U);
  EXPECT_EQ(capture.run(runtime, 2), 1U);
}

TEST_F(CaptureTest, JobsOfTheMainHookRunOnTheMainExecutorOthersOnNone) {
  runtime.enqueue_main(one);
  runtime.enqueue(two);
  capture.run(runtime, 2);
  EXPECT_EQ(one.executor, runtime.main());
  EXPECT_TRUE(two.executor.is_generic());
}

TEST_F(CaptureTest, AJobThatEnqueuesItselfDoesNotHoldTheDrainBeyondItsBudget) {
  struct Again : Job {
    explicit Again(Runtime& where) : Job(go), runtime(where) {}
    static void go(Job* job) noexcept { static_cast<Again*>(job)->runtime.enqueue(*job); }
    Runtime& runtime;
  } again(runtime);
  runtime.enqueue(again);
  EXPECT_EQ(capture.run(runtime, 1000), 1000U);
  EXPECT_EQ(capture.ready(), 1U);
}

TEST_F(CaptureTest, AnArmedJobWaitsForItsInstantAndIsQueuedOnce) {
  Timer timer([](Timer&) noexcept {}), earlier([](Timer&) noexcept {});
  runtime.timers().add(timer, now + std::chrono::seconds(2));
  EXPECT_EQ(capture.deadline(), now + std::chrono::seconds(2));
  EXPECT_TRUE(capture.empty());
  now += std::chrono::seconds(3);
  capture.expire();
  EXPECT_EQ(capture.ready(), 1U);
  // While it stands in the queue an earlier timer needs no second wake-up.
  runtime.timers().add(earlier, now - std::chrono::seconds(2));
  EXPECT_EQ(capture.ready(), 1U);
  capture.expire();
  EXPECT_EQ(capture.ready(), 1U);
  EXPECT_EQ(capture.run(runtime, 10), 1U);
  EXPECT_EQ(runtime.timers().size(), 0U);
  EXPECT_EQ(capture.deadline(), Instant::max());
}

TEST_F(CaptureTest, TheHostsOwnTurnAndTaskDoNotShowThrough) {
  ManualExecutor host;
  runtime.enqueue(one);
  auto drains = [](Capture& guest, Runtime& inside, ManualExecutor& outside) -> Task<bool> {
    TaskRecord* before = current_task();
    guest.run(inside, 1);
    co_return before != nullptr&& current_task() == before&& current_runtime() == &outside.runtime();
  };
  EXPECT_TRUE(host.run(drains(capture, runtime, host)));
  EXPECT_TRUE(one.executor.is_generic());
}

TEST_F(CaptureTest, DrainingFromInsideAJobEndsTheProgram) {
  struct Nested : Job {
    Nested(Capture& queue, Runtime& where) : Job(go), capture(queue), runtime(where) {}
    static void go(Job* job) noexcept {
      auto& self = *static_cast<Nested*>(job);
      self.capture.run(self.runtime, 1);
    }
    Capture& capture;
    Runtime& runtime;
  } nested(capture, runtime);
  runtime.enqueue(nested);
  EXPECT_DEATH(capture.run(runtime, 1), "from the top of the stack only");
}

}  // namespace
}  // namespace crank::guest
