#include "crank/reactor/reactor.h"

#include <gmock/gmock.h>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::all_modes;
using ::testing::HasSubstr;
using testing::Mode;
using testing::module_named;
using testing::must;
using testing::Rig;
using testing::text;
using namespace std::chrono_literals;

struct Reactors : ::testing::TestWithParam<Mode>, Rig {
  void open_bridges(ReactorOptions options = {}) {
    options.budget = GetParam().budget;
    open(module_named("bridges", GetParam().interpreted), GetParam().interpreted, std::move(options));
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Reactors, all_modes(), testing::name_of_mode);

TEST_P(Reactors, AnEntryCompletesWithItsAnswer) {
  open_bridges();
  EXPECT_EQ(call("echo", "round and round"), "round and round");
  EXPECT_EQ(call("echo"), "");
  must(manual.run(reactor->probe()));
  EXPECT_THAT(call("nonsense"), HasSubstr("no such entry"));
}

TEST_P(Reactors, NoUserCodeRunsOutsideOfAPumpTurn) {
  open_bridges({.drive = false});
  for (int i = 0; i < 5; ++i) EXPECT_THAT(call("echo", "x"), HasSubstr("stuck"));
  EXPECT_EQ(report().jobs, 0u);
  Rig driven;
  driven.open(module_named("bridges", GetParam().interpreted), GetParam().interpreted);
  EXPECT_EQ(driven.call("echo", "x"), "x");
  EXPECT_EQ(driven.call("bodies"), "1");
}

TEST_P(Reactors, AModuleNobodyPumpsIsReportedStuckByName) {
  open_bridges({.name = "orphan", .drive = false});
  std::string answer = call("echo", "x");
  EXPECT_THAT(answer, HasSubstr("error stuck"));
  EXPECT_THAT(answer, HasSubstr("orphan"));
  EXPECT_THAT(answer, HasSubstr("\"echo\""));
  EXPECT_THAT(answer, HasSubstr("nobody"));
}

TEST_P(Reactors, IdleButNotCompleteIsTheStuckReport) {
  open_bridges();
  EXPECT_THAT(call("wait_for_ever"), HasSubstr("error stuck"));
  EXPECT_EQ(call("echo", "still here"), "still here");
}

TEST_P(Reactors, ABridgeThatAnswersAtOnceResumesInTheSameTurn) {
  int asked = 0;
  bridges->add_immediate("count", [&](BridgeRequest&) -> Result<Bytes> { return to_bytes(concat(++asked)); });
  open_bridges();
  EXPECT_EQ(call("call_many", "10"), "55");
  EXPECT_EQ(report().resumes, 10u);
  EXPECT_EQ(report().refused_resumes, 0u);
}

TEST_P(Reactors, ABridgeThatIsACoroutineMaySuspend) {
  bridges->add("double", [](BridgeRequest request) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(10ms);
    co_return to_bytes(concat(as_text(request.argument), as_text(request.argument)));
  });
  open_bridges();
  EXPECT_EQ(call("call", "double ab"), "abab");
}

TEST_P(Reactors, ErrorsOfABridgeArriveAsValues) {
  bridges->add("broken", [](BridgeRequest) -> Task<Result<Bytes>> { co_return fail(Code::io, "the cable is out"); });
  open_bridges();
  EXPECT_THAT(call("call", "broken"), HasSubstr("error io"));
  EXPECT_THAT(call("call", "broken"), HasSubstr("the cable is out"));
  EXPECT_THAT(call("call", "unheard_of"), HasSubstr("no bridge \"unheard_of\""));
  EXPECT_EQ(call("echo", "alive"), "alive");
}

TEST_P(Reactors, AnswersInEveryOrderReachTheirOwnAwaits) {
  std::vector<Continuation<Result<Bytes>>> waiting;
  std::vector<int> asked;
  bridges->add("count", [&](BridgeRequest request) -> Task<Result<Bytes>> {
    asked.push_back(std::stoi(std::string(as_text(request.argument))));
    co_return co_await with_continuation<Result<Bytes>>(
        [&](Continuation<Result<Bytes>> done) { waiting.push_back(std::move(done)); });
  });
  open_bridges();
  int order[] = {0, 1, 2};
  do {
    waiting.clear();
    asked.clear();
    auto sum = spawn(reactor->call("call_at_once", to_bytes("3")), {.runtime = &manual.runtime()});
    manual.run();
    ASSERT_EQ(waiting.size(), 3u);
    for (int i : order) {
      waiting[i].resume(to_bytes(concat(100 << asked[i])));
      manual.run();
    }
    ASSERT_TRUE(sum.is_done());
    EXPECT_EQ(text(sum.result_now().take<Exceptions::none>()), "700");
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_P(Reactors, ABridgeOfOneReactorGoesBeforeThoseItShares) {
  bridges->add("who", [](BridgeRequest) -> Task<Result<Bytes>> { co_return to_bytes("everybody's"); });
  open_bridges();
  EXPECT_EQ(call("call", "who"), "everybody's");
  reactor->bridge("who", [mine = std::string("its own")](BridgeRequest request) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(1ms);
    co_return to_bytes(concat(mine, " ", as_text(request.argument)));
  });
  EXPECT_EQ(call("call", "who x"), "its own x");
  // One that runs when another takes its place ends as it began.
  auto asked = spawn(reactor->call("call", to_bytes("who y")), {.runtime = &manual.runtime()});
  manual.run();
  reactor->bridge("who", [](BridgeRequest) -> Task<Result<Bytes>> { co_return to_bytes("the next"); });
  EXPECT_EQ(call("call", "who z"), "the next");
  manual.run_to_end();
  ASSERT_TRUE(asked.is_done());
  EXPECT_EQ(text(asked.result_now().take<Exceptions::none>()), "its own y");
}

TEST_P(Reactors, LinesOfTheGuestReachTheEmbeddersLog) {
  open_bridges();
  EXPECT_EQ(call("say", "a line"), "");
  EXPECT_THAT(log, ::testing::ElementsAre("a line"));
}

TEST_P(Reactors, MemoryOverTheLimitIsRefusedToTheGuestAndItLives) {
  ReactorOptions options;
  options.limits.memory_bytes = 4 << 20;
  open_bridges(std::move(options));
  EXPECT_EQ(call("hoard", "1000000"), "kept");
  EXPECT_THAT(call("hoard", "8000000"), HasSubstr("error limit"));
  EXPECT_EQ(call("echo", "x"), "x");
}

TEST_P(Reactors, TimersOfTheGuestFollowTheRuntimesClock) {
  open_bridges();
  Instant before = manual.now();
  EXPECT_EQ(call("nap", "50000000"), "rested");
  EXPECT_EQ(manual.now() - before, 50ms);
}

TEST_P(Reactors, TenNapsAtOnceTakeAsLongAsOne) {
  open_bridges();
  std::vector<TaskHandle<Result<Bytes>>> naps;
  for (int i = 0; i < 10; ++i)
    naps.push_back(spawn(reactor->call("nap", to_bytes("50000000")), {.runtime = &manual.runtime()}));
  EXPECT_EQ(manual.run_to_end(), 50ms);
  for (auto& nap : naps) EXPECT_EQ(text(nap.result_now().take<Exceptions::none>()), "rested");
}

TEST_P(Reactors, ACallsDeadlineEndsTheCallAndTellsWhatItWaitsFor) {
  bridges->add("never", [](BridgeRequest) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(std::chrono::hours(1));
    co_return Bytes();
  });
  open_bridges();
  std::string answer = call("call", "never", {.deadline = 20ms});
  EXPECT_THAT(answer, HasSubstr("error deadline"));
  EXPECT_THAT(answer, HasSubstr("waits for call never"));
  EXPECT_EQ(call("echo", "x"), "x");
}

TEST_P(Reactors, CancellingTheCallerAsksTheGuestAndItsHandlersRunInsideAPumpTurn) {
  std::vector<Continuation<Result<Bytes>>> waiting;
  bool bridge_cancelled = false;
  bridges->add("never", [&](BridgeRequest) -> Task<Result<Bytes>> {
    auto stop = on_cancel([&]() noexcept {
      bridge_cancelled = true;
      if (!waiting.empty()) waiting.back().resume(fail(Code::cancelled, "stopped"));
    });
    co_return co_await with_continuation<Result<Bytes>>(
        [&](Continuation<Result<Bytes>> done) { waiting.push_back(std::move(done)); });
  });
  open_bridges();
  auto asked = spawn(reactor->call("notice_cancel", {}), {.runtime = &manual.runtime()});
  manual.run();
  ASSERT_FALSE(asked.is_done());
  ASSERT_EQ(report().pending.size(), 1u);
  EXPECT_EQ(report().pending[0].what, "call never");
  asked.cancel();
  manual.run();
  ASSERT_TRUE(asked.is_done());
  std::string answer = text(asked.result_now().take<Exceptions::none>());
  EXPECT_THAT(answer, HasSubstr("error cancelled"));
  EXPECT_THAT(answer, HasSubstr("handlers run: 1"));
  EXPECT_TRUE(bridge_cancelled);
  EXPECT_EQ(report().pending.size(), 0u);
}

TEST_P(Reactors, ASecondALateAndAnUnknownResumeAreRefusedAndCountedAndChangeNothing) {
  std::vector<std::uint32_t> tokens;
  std::vector<Continuation<Result<Bytes>>> waiting;
  bridges->add("manual", [&](BridgeRequest request) -> Task<Result<Bytes>> {
    tokens.push_back(request.token);
    co_return co_await with_continuation<Result<Bytes>>(
        [&](Continuation<Result<Bytes>> done) { waiting.push_back(std::move(done)); });
  });
  open_bridges();
  auto asked = spawn(reactor->call("call", to_bytes("manual")), {.runtime = &manual.runtime()});
  manual.run();
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(manual.run(reactor->resume(0x001fffff, Status::ok, to_bytes("wrong"))), Resumed::unknown);
  // The embedder answers first: the bridge's own answer comes late.
  EXPECT_EQ(manual.run(reactor->resume(tokens[0], Status::ok, to_bytes("first"))), Resumed::accepted);
  EXPECT_NE(manual.run(reactor->resume(tokens[0], Status::ok, to_bytes("second"))), Resumed::accepted);
  waiting[0].resume(to_bytes("third"));
  manual.run();
  ASSERT_TRUE(asked.is_done());
  EXPECT_EQ(text(asked.result_now().take<Exceptions::none>()), "first");
  ReactorReport after = report();
  EXPECT_EQ(after.resumes, 1u);
  EXPECT_EQ(after.refused_resumes, 3u);
  EXPECT_EQ(call("echo", "x"), "x");
}

TEST_P(Reactors, ATrapIsAnErrorWithTheGuestsFramesForEveryWaitingCaller) {
  std::vector<Continuation<Result<Bytes>>> waiting;
  bridges->add("never", [&](BridgeRequest) -> Task<Result<Bytes>> {
    co_return co_await with_continuation<Result<Bytes>>(
        [&](Continuation<Result<Bytes>> done) { waiting.push_back(std::move(done)); });
  });
  open_bridges({.name = "brittle"});
  auto bystander = spawn(reactor->call("call", to_bytes("never")), {.runtime = &manual.runtime()});
  manual.run();
  auto crash = manual.run(reactor->call("crash", to_bytes("oops")));
  ASSERT_FALSE(crash.has_value());
  EXPECT_EQ(crash.error().code(), Code::trap);
  EXPECT_THAT(crash.error().backtrace(), HasSubstr("fall_over"));
  ASSERT_TRUE(bystander.is_done());
  Result<Bytes> other = bystander.result_now().take<Exceptions::none>();
  EXPECT_EQ(other.error().code(), Code::trap);
  EXPECT_TRUE(reactor->dead().has_value());
  auto later = manual.run(reactor->call("echo", to_bytes("x")));
  EXPECT_EQ(later.error().code(), Code::root_dead);
  EXPECT_THAT(log.back(), HasSubstr("reactor brittle ended"));
  waiting[0].resume(Bytes());
  manual.run();
}

TEST_P(Reactors, AnOverstayingTurnIsPreemptedAndOthersRunMeanwhile) {
  open_bridges({.slice = 1});
  Rig other;
  auto burn = spawn(reactor->call("burn", to_bytes(GetParam().interpreted ? "2000000" : "30000000")),
                    {.runtime = &manual.runtime()});
  std::size_t steps = 0;
  // The embedder's own loop is this one: each step must come back although the guest burns on.
  while (!burn.is_done()) {
    ASSERT_TRUE(manual.step());
    ++steps;
  }
  EXPECT_GT(steps, 3u);
  EXPECT_GT(report().preemptions, 0u);
  EXPECT_THAT(text(burn.result_now().take<Exceptions::none>()), ::testing::Not(HasSubstr("error")));
}

TEST_P(Reactors, AnAnswerLargerThanTheGuestsMemoryIsAnErrorAndTheGuestLives) {
  bridges->add_immediate("flood", [](BridgeRequest&) -> Result<Bytes> { return Bytes(8u << 20); });
  ReactorOptions options;
  options.limits.memory_bytes = 2 << 20;
  open_bridges(std::move(options));
  EXPECT_THAT(call("call", "flood"), HasSubstr("error limit"));
  EXPECT_EQ(call("echo", "x"), "x");
}

TEST_P(Reactors, MorePendingBridgesThanTheLimitAreRefusedOneByOne) {
  std::vector<Continuation<Result<Bytes>>> waiting;
  bridges->add("count", [&](BridgeRequest) -> Task<Result<Bytes>> {
    co_return co_await with_continuation<Result<Bytes>>(
        [&](Continuation<Result<Bytes>> done) { waiting.push_back(std::move(done)); });
  });
  ReactorOptions options;
  options.limits.pending = 3;
  open_bridges(std::move(options));
  auto sum = spawn(reactor->call("call_at_once", to_bytes("10")), {.runtime = &manual.runtime()});
  manual.run();
  ASSERT_EQ(waiting.size(), 3u);
  for (auto& w : waiting) w.resume(to_bytes("5"));
  manual.run();
  ASSERT_TRUE(sum.is_done());
  EXPECT_EQ(text(sum.result_now().take<Exceptions::none>()), "15");
}

TEST_P(Reactors, ClosingListsWhatWasNeverResumed) {
  bridges->add("position", [&](BridgeRequest) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(std::chrono::hours(1));
    co_return Bytes();
  });
  open_bridges();
  auto asked = spawn(reactor->call("call", to_bytes("position")), {.runtime = &manual.runtime()});
  manual.run();
  manual.advance(3s);
  ReactorReport last = manual.run(reactor->close());
  ASSERT_EQ(last.pending.size(), 1u);
  EXPECT_EQ(last.pending[0].what, "call position");
  EXPECT_EQ(last.pending[0].age, 3s);
  EXPECT_THAT(last.to_string(), HasSubstr("never resumed: call position"));
  ASSERT_TRUE(asked.is_done());
  EXPECT_EQ(asked.result_now().take<Exceptions::none>().error().code(), Code::root_dead);
  EXPECT_THAT(log, ::testing::Contains(HasSubstr("never resumed: call position (token")));
}

TEST_P(Reactors, WhoDropsAReactorFindsInTheLogWhatWasNeverResumed) {
  bridges->add("position", [&](BridgeRequest) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(std::chrono::hours(1));
    co_return Bytes();
  });
  open_bridges({.name = "dropped"});
  auto asked = spawn(reactor->call("call", to_bytes("position")), {.runtime = &manual.runtime()});
  manual.run();
  manual.advance(7s);
  reactor.reset();
  manual.run();
  ASSERT_TRUE(asked.is_done());
  EXPECT_THAT(log.back(), HasSubstr("reactor dropped is closed: never resumed: call position"));
  EXPECT_THAT(log.back(), HasSubstr("7000 ms"));
}

TEST_P(Reactors, ClosingWaitsForTheBridgesItStartedForgottenOnesToo) {
  std::vector<Continuation<Result<Bytes>>> waiting;
  bool ended = false;
  bridges->add("stubborn", [&](BridgeRequest) -> Task<Result<Bytes>> {
    co_return co_await with_continuation<Result<Bytes>>(
        [&](Continuation<Result<Bytes>> done) { waiting.push_back(std::move(done)); });
  });
  ReactorOptions options;
  options.ended = [&] { ended = true; };
  open_bridges(std::move(options));
  // One is forgotten by the guest when its call is cancelled; the other is open when the reactor closes.
  auto forgotten = spawn(reactor->call("call", to_bytes("stubborn")), {.runtime = &manual.runtime()});
  auto open = spawn(reactor->call("call", to_bytes("stubborn")), {.runtime = &manual.runtime()});
  manual.run();
  forgotten.cancel();
  manual.run();
  EXPECT_TRUE(forgotten.is_done());
  auto closing = spawn(reactor->close(), {.runtime = &manual.runtime()});
  manual.run();
  EXPECT_TRUE(open.is_done());
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_FALSE(closing.is_done());
  waiting[0].resume(Bytes());
  manual.run();
  EXPECT_FALSE(closing.is_done());
  EXPECT_FALSE(ended);
  waiting[1].resume(Bytes());
  manual.run();
  ASSERT_TRUE(closing.is_done());
  EXPECT_TRUE(ended);
  EXPECT_EQ(closing.result_now().take<Exceptions::none>().pending.size(), 1u);
}

TEST_P(Reactors, ABridgesOwnDeadlineResumesTheGuestAndItsLateAnswerChangesNothing) {
  bridges->add(
      "slow",
      [](BridgeRequest) -> Task<Result<Bytes>> {
        CancellationShield shield;  // it answers all the same, late
        std::ignore = co_await sleep_for(1s);
        co_return to_bytes("too late");
      },
      20ms);
  open_bridges();
  Instant before = manual.now();
  std::string answer = call("call", "slow");
  EXPECT_THAT(answer, HasSubstr("error deadline"));
  EXPECT_THAT(answer, HasSubstr("no answer to call slow in time"));
  EXPECT_EQ(manual.now() - before, 20ms);
  manual.run_to_end();
  EXPECT_EQ(report().resumes, 1u);
  EXPECT_EQ(report().refused_resumes, 1u);
  EXPECT_EQ(call("echo", "x"), "x");
}

}  // namespace
}  // namespace crank::reactor
