// Bugs of the caller end the program with a sentence that names the function and the place (R6, R8, R12).
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/backtrace.h"
#include "crank/async/continuation.h"
#include "crank/async/global_actor.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sync_wait.h"

namespace crank {
namespace {

Task<> resumes_twice() {
  co_await with_continuation([](Continuation<> done) {
    done.resume();
    done.resume();
  });
}
TEST(Continuation, ResumingTwiceNamesWhoMadeItAndTheSecondPlace) {
  ManualExecutor manual;
  EXPECT_DEATH(
      manual.run(resumes_twice()),
      "a continuation made in .*resumes_twice.*misuse_test.cc:[0-9]+[^$]*resumed twice.*misuse_test.cc:[0-9]+");
}

TEST(Continuation, ResumingTwiceFromAnotherThreadIsCaughtToo) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run([](this auto) -> Task<> {
    co_await with_continuation([](Continuation<> done) {
      done.resume();
      std::thread([&] { done.resume(); }).join();
    });
  }()),
               "resumed twice.*misuse_test.cc");
}

Task<> resumes_a_copy_twice() {
  co_await with_continuation<int>([](Continuation<int> done) {
    std::function<void(int)> copy = std::move(done).copyable();
    copy(1);
    copy(2);
  });
}
TEST(Continuation, ResumingCopiesTwiceNamesWhoMadeThem) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run(resumes_a_copy_twice()), "resumed twice.*resumes_a_copy_twice.*misuse_test.cc:[0-9]+");
}

TEST(Continuation, OfTwoThreadsThatResumeAtOnceOneIsTheSecond) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run([](this auto) -> Task<> {
    co_await with_continuation([](Continuation<> done) {
      std::atomic<int> ready{0};
      auto resume = [&] {
        for (++ready; ready < 2;) {}
        done.resume();
      };
      std::thread first(resume), second(resume);
      first.join();
      second.join();
    });
  }()),
               "resumed twice.*misuse_test.cc");
}

Task<> loses_its_continuation() {
  co_await with_continuation([](Continuation<>) {});
}
TEST(Continuation, DroppingItUnresumedNamesTheFunctionThatMadeIt) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run(loses_its_continuation()), "dropped without.*loses_its_continuation.*misuse_test.cc:[0-9]+");
}

Task<int> answer(int n) { co_return n; }
Task<> loses_its_child() {
  auto lost = async_let(answer(1));
  co_return;
}
TEST(AsyncLet, DestroyedUnawaitedNamesThePlaceThatMadeIt) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run(loses_its_child()),
               "async_let ended without being awaited.*loses_its_child.*misuse_test.cc:[0-9]+");
}

struct Bare : Actor {
  using Actor::Actor;
};
TEST(Actor, ACallFromTheWrongExecutorIsNamed) {
  ManualExecutor manual;
  Bare bare(manual.runtime());
  EXPECT_DEATH(bare.assert_isolated(), "must run on its actor's executor.*misuse_test.cc");
}
TEST(Actor, MadeOutsideOfAnyRuntimeItsClassIsNamed) {
  EXPECT_DEATH(make_actor<Bare>(), "made outside of any runtime.*Bare.*misuse_test.cc:[0-9]+");
}
struct Catalogue : GlobalActor<Catalogue> {};
TEST(GlobalActor, ACallFromTheWrongExecutorIsNamed) {
  EXPECT_DEATH(Catalogue::assert_isolated(), "must run on its actor's executor.*misuse_test.cc");
  EXPECT_DEATH(MainActor::assert_isolated(), "outside of any runtime");
}

TEST(SyncWait, InsideATaskIsRefused) {
  ManualExecutor manual;
  Pool pool({.threads = 1});
  EXPECT_DEATH(manual.run([](this auto, Pool& pool) -> Task<> {
    sync_wait(pool, [](this auto) -> Task<> { co_return; }());
    co_return;
  }(pool)),
               "sync_wait inside a task");
}

Task<> waits_for_ever(std::optional<Continuation<>>* kept) {
  co_await with_continuation([&](Continuation<> done) { kept->emplace(std::move(done)); });
}
TEST(ManualExecutor, ATaskThatNothingWillResumeIsNamedWithItsFrames) {
  ManualExecutor manual;
  std::optional<Continuation<>> kept;
  EXPECT_DEATH(manual.run(waits_for_ever(&kept), {.name = "the page"}),
               "idle and task [0-9]+ \"the page\" has not ended; it waits at[^$]*"
               "waits_for_ever.*misuse_test.cc:[0-9]+[^$]*nothing will resume it");
}

TEST(Backtrace, OfTheTaskThatAsksIsRefused) {
  ManualExecutor manual;
  EXPECT_DEATH(manual.run([](this auto) -> Task<> {
    (void)async_backtrace(*current_task());
    co_return;
  }()),
               "async_backtrace of the task that asks.*backtrace_here");
}

}  // namespace
}  // namespace crank
