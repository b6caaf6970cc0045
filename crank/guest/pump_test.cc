#include "crank/guest/pump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "crank/async/frame_pool.h"
#include "crank/async/group.h"
#include "crank/async/sleep.h"
#include "crank/guest/entry.h"
#include "crank/guest/host_call.h"
#include "tests/reactor/fake_host.h"

namespace crank::guest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

int lines_run;  // of user code, by the bodies below

struct PumpTest : testing::Test {
  PumpTest() { lines_run = 0; }
  FakeHost host;
  Pump pump{host.imports()};

  std::uint32_t start(EntryFunction entry, std::string_view argument = {}) {
    return FakeHost::start(pump, entry, argument);
  }
  Resumed resume(std::uint32_t token, Status status, std::string_view text = {}) {
    return FakeHost::resume(pump, token, status, text);
  }
};

Task<Result<Bytes>> echo(std::span<const std::byte> argument) {
  ++lines_run;
  co_return Bytes(argument);
}
Task<Result<Bytes>> ask(std::span<const std::byte> argument) {
  ++lines_run;
  auto told = on_cancel([] noexcept { ++lines_run; });
  auto answer = co_await host::call("question", argument);
  ++lines_run;
  co_return answer;
}
Task<Result<Bytes>> ask_shielded(std::span<const std::byte>) {
  CancellationShield shield;
  co_return co_await host::call("question");
}
Task<Result<Bytes>> ask_twice(std::span<const std::byte>) {
  auto first = co_await host::call("first");
  auto second = co_await host::call("second");
  co_return Bytes(concat(first ? first->text() : first.error().message(), " then ",
                         second ? second->text() : second.error().message()));
}

// P1

TEST_F(PumpTest, AnEntryReturnsBeforeAnyLineOfItsBodyHasRun) {
  std::uint32_t task = start(echo, "a");
  EXPECT_NE(task, 0U);
  EXPECT_EQ(lines_run, 0);
  EXPECT_EQ(pump.pump(0).ready, 1U);
  EXPECT_EQ(lines_run, 0);
  EXPECT_EQ(pump.pump(1).ran, 1U);
  EXPECT_EQ(lines_run, 1);
  EXPECT_EQ(host.text_of(task), "a");
}

TEST_F(PumpTest, ResumingRunsNothing) {
  start(ask);
  FakeHost::drain(pump);
  int before = lines_run;
  EXPECT_EQ(resume(host.requests.at(0).token, Status::ok, "yes"), Resumed::accepted);
  EXPECT_EQ(lines_run, before);
  EXPECT_EQ(pump.ready(), 1U);
  FakeHost::drain(pump);
  EXPECT_GT(lines_run, before);
}

TEST_F(PumpTest, CancellingRunsItsHandlersInsideTheNextTurn) {
  std::uint32_t task = start(ask);
  FakeHost::drain(pump);
  EXPECT_TRUE(pump.cancel(task));
  EXPECT_EQ(lines_run, 1);
  EXPECT_THAT(host.forgotten, IsEmpty());
  FakeHost::drain(pump);
  EXPECT_EQ(lines_run, 3);
  EXPECT_EQ(host.completed[task].at(0).status, Status::cancelled);
}

TEST_F(PumpTest, AskingForTheDeadlineRunsNothing) {
  start(echo);
  EXPECT_EQ(pump.deadline(), no_deadline);
  EXPECT_EQ(lines_run, 0);
  FakeHost::drain(pump);
}

// P2

TEST_F(PumpTest, ATaskCompletesOnceAndItsIdIsThenUnknown) {
  std::uint32_t task = start(echo, "x");
  FakeHost::drain(pump);
  FakeHost::drain(pump);
  EXPECT_THAT(host.completed[task], SizeIs(1));
  EXPECT_FALSE(pump.cancel(task));
  EXPECT_EQ(pump.tasks(), 0U);
}

TEST_F(PumpTest, AnErrorCrossesAsStatusAndSentence) {
  std::pair<Code, Status> pairs[] = {{Code::unknown, Status::failed},    {Code::cancelled, Status::cancelled},
                                     {Code::deadline, Status::deadline}, {Code::bad_argument, Status::refused},
                                     {Code::limit, Status::limit},       {Code::io, Status::io},
                                     {Code::protocol, Status::protocol}};
  for (auto [code, status] : pairs) {
    EXPECT_EQ(status_of(code), status);
    EXPECT_EQ(error_of(status, "why").code(), code);
    EXPECT_EQ(error_of(status, "why").message(), "why");
  }
  EXPECT_EQ(status_of(Code::exception), Status::failed);
  EXPECT_EQ(error_of(static_cast<Status>(77), "").code(), Code::unknown);
}

TEST_F(PumpTest, CancellingBeforeTheFirstTurnIsSeenAtTheFirstAwait) {
  std::uint32_t task = start(ask);
  EXPECT_TRUE(pump.cancel(task));
  EXPECT_TRUE(pump.cancel(task));
  FakeHost::drain(pump, 1);
  EXPECT_EQ(host.completed[task].at(0).status, Status::cancelled);
}

TEST_F(PumpTest, CancellingATaskThatEndsInTheSameTurnIsHarmless) {
  std::uint32_t task = start(echo, "done");
  EXPECT_TRUE(pump.cancel(task));
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "done");
  EXPECT_EQ(pump.ready(), 0U);
}

// Timers

Task<Result<Bytes>> sleep_a_second(std::span<const std::byte>) {
  auto outcome = co_await sleep_for(std::chrono::seconds(1));
  co_return Bytes(outcome == SleepOutcome::elapsed ? "elapsed" : "cut");
}

TEST_F(PumpTest, TheDeadlineIsThatOfTheEarliestSleeper) {
  host.clock = 5;
  std::uint32_t task = start(sleep_a_second);
  FakeHost::drain(pump);
  EXPECT_EQ(pump.deadline(), 1'000'000'005);
  host.clock = 1'000'000'004;
  EXPECT_EQ(pump.pump(unlimited).ran, 0U);
  host.clock = 1'000'000'005;
  FakeHost::drain(pump, 1);
  EXPECT_EQ(host.text_of(task), "elapsed");
  EXPECT_EQ(pump.deadline(), no_deadline);
}

TEST_F(PumpTest, ACancelledSleepLeavesNoDeadline) {
  std::uint32_t task = start(sleep_a_second);
  FakeHost::drain(pump);
  pump.cancel(task);
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "cut");
  EXPECT_EQ(pump.deadline(), no_deadline);
}

// P4

TEST_F(PumpTest, ABridgeAsksOnceAndGoesOnWithTheAnswer) {
  std::uint32_t task = start(ask, "how many?");
  FakeHost::drain(pump);
  ASSERT_THAT(host.requests, SizeIs(1));
  EXPECT_EQ(host.requests[0].name, "question");
  EXPECT_EQ(host.requests[0].payload, "how many?");
  EXPECT_EQ(host.requests[0].task, task);
  resume(host.requests[0].token, Status::ok, "forty-two");
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "forty-two");
  EXPECT_EQ(pump.bridges().live(), 0U);
}

TEST_F(PumpTest, ASecondALateAndAnUnknownResumeAreRefusedCountedAndChangeNothing) {
  std::uint32_t task = start(ask_twice);
  FakeHost::drain(pump);
  std::uint32_t first = host.requests.at(0).token;
  EXPECT_EQ(resume(first, Status::ok, "one"), Resumed::accepted);
  EXPECT_EQ(resume(first, Status::ok, "forged"), Resumed::twice);
  FakeHost::drain(pump);
  EXPECT_EQ(resume(first, Status::ok, "late"), Resumed::stale);
  EXPECT_EQ(resume(first + 40, Status::ok, "stale or never"), Resumed::stale);
  EXPECT_EQ(resume(123'456, Status::ok, "never"), Resumed::unknown);
  EXPECT_EQ(resume(0, Status::ok, ""), Resumed::unknown);
  EXPECT_EQ(pump.ready(), 0U);
  EXPECT_EQ(pump.bridges().refused(), 5U);
  resume(host.requests.at(1).token, Status::ok, "two");
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "one then two");
}

TEST_F(PumpTest, CancellingAWaitingTaskTellsTheHostToForget) {
  std::uint32_t task = start(ask);
  FakeHost::drain(pump);
  std::uint32_t token = host.requests.at(0).token;
  pump.cancel(task);
  FakeHost::drain(pump);
  EXPECT_THAT(host.forgotten, ElementsAre(token));
  EXPECT_EQ(resume(token, Status::ok, "too late"), Resumed::stale);
  EXPECT_THAT(host.completed[task], SizeIs(1));
}

TEST_F(PumpTest, AnAnswerThatCameBeforeTheCancellationWins) {
  std::uint32_t task = start(ask);
  FakeHost::drain(pump);
  resume(host.requests.at(0).token, Status::ok, "in time");
  pump.cancel(task);
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "in time");
  EXPECT_THAT(host.forgotten, IsEmpty());
}

TEST_F(PumpTest, ACancellationQueuedBeforeTheAnswerWinsAndTheAnswerIsRefused) {
  std::uint32_t task = start(ask);
  FakeHost::drain(pump);
  pump.cancel(task);
  pump.pump(1);
  EXPECT_EQ(resume(host.forgotten.at(0), Status::ok, "too late"), Resumed::stale);
  FakeHost::drain(pump);
  EXPECT_EQ(host.completed[task].at(0).status, Status::cancelled);
}

TEST_F(PumpTest, UnderAShieldABridgeWaitsForItsAnswer) {
  std::uint32_t task = start(ask_shielded);
  FakeHost::drain(pump);
  pump.cancel(task);
  FakeHost::drain(pump);
  EXPECT_THAT(host.forgotten, IsEmpty());
  resume(host.requests.at(0).token, Status::ok, "kept");
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "kept");
}

Task<Result<Bytes>> ask_in_children(std::span<const std::byte>) {
  co_await with_group<>([](auto& group) -> Task<> {
    group.spawn([] -> Task<> { std::ignore = co_await host::call("child"); }());
    spawn([] -> Task<> { std::ignore = co_await host::call("spawned"); }).run_on();
    spawn_detached([] -> Task<> { std::ignore = co_await host::call("detached"); }).run_on();
    while (co_await group.next()) {}
  });
  co_return Bytes();
}

TEST_F(PumpTest, ARequestNamesTheEntryItIsMadeForAlsoFromChildren) {
  std::uint32_t task = start(ask_in_children);
  FakeHost::drain(pump);
  ASSERT_THAT(host.requests, SizeIs(3));
  for (const auto& request : host.requests)
    EXPECT_EQ(request.task, request.name == "detached" ? 0U : task) << request.name;
  while (host.answer_one(pump)) FakeHost::drain(pump);
  EXPECT_EQ(host.completed[task].size(), 1U);
}

TEST_F(PumpTest, TwoGuestsOfOneThreadDoNotMeet) {
  FakeHost other_host;
  Pump other(other_host.imports());
  std::uint32_t mine = start(ask, "mine");
  std::uint32_t theirs = FakeHost::start(other, ask, "theirs");
  FakeHost::drain(pump);
  FakeHost::drain(other);
  EXPECT_EQ(host.requests.at(0).payload, "mine");
  EXPECT_EQ(other_host.requests.at(0).payload, "theirs");
  resume(host.requests[0].token, Status::ok, "a");
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(mine), "a");
  EXPECT_THAT(other_host.completed[theirs], IsEmpty());
  FakeHost::resume(other, other_host.requests[0].token, Status::ok, "b");
  FakeHost::drain(other);
}

TEST_F(PumpTest, TenThousandInFlightAreAnsweredInAnyOrderEachOnce) {
  std::vector<std::uint32_t> tasks;
  for (int i = 0; i < 10'000; ++i) tasks.push_back(start(ask, concat(i)));
  FakeHost::drain(pump, 7);
  ASSERT_THAT(host.requests, SizeIs(10'000));
  std::mt19937 random(20'261'123);
  std::shuffle(host.requests.begin(), host.requests.end(), random);
  for (const auto& request : host.requests)
    EXPECT_EQ(resume(request.token, Status::ok, request.payload), Resumed::accepted);
  FakeHost::drain(pump);
  for (std::size_t i = 0; i < tasks.size(); ++i) EXPECT_EQ(host.text_of(tasks[i]), concat(i));
}

// Resumes, double resumes, cancellations and turns of every size in an order drawn from a seed: whatever happens, each task
// completes once, each token is answered or forgotten once, and every refusal was foreseen.
TEST_F(PumpTest, EveryInterleavingKeepsTheBooks) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    FakeHost world;
    Pump guest(world.imports());
    std::vector<std::uint32_t> tasks, answered;
    std::uint64_t refusals = 0;
    for (int step = 0; step < 400; ++step) {
      switch (random() % 6) {
        case 0:
          if (tasks.size() < 50) tasks.push_back(FakeHost::start(guest, random() % 2 ? ask : ask_twice, "q"));
          break;
        case 1:
          if (!tasks.empty()) guest.cancel(tasks[random() % tasks.size()]);
          break;
        case 2:
          if (!world.requests.empty()) {
            std::size_t pick = random() % world.requests.size();
            std::uint32_t token = world.requests[pick].token;
            world.requests.erase(world.requests.begin() + static_cast<std::ptrdiff_t>(pick));
            EXPECT_EQ(FakeHost::resume(guest, token, Status::ok, "a"), Resumed::accepted);
            answered.push_back(token);
          }
          break;
        case 3:
          if (!answered.empty()) {
            EXPECT_NE(FakeHost::resume(guest, answered[random() % answered.size()], Status::ok, "b"),
                      Resumed::accepted);
            ++refusals;
          }
          break;
        case 4:
          if (!world.forgotten.empty()) {
            EXPECT_EQ(FakeHost::resume(guest, world.forgotten[random() % world.forgotten.size()], Status::io),
                      Resumed::stale);
            ++refusals;
          }
          break;
        default: guest.pump(random() % 4); break;
      }
    }
    do FakeHost::drain(guest, 3);
    while (world.answer_one(guest));
    for (std::uint32_t task : tasks) EXPECT_EQ(world.completed[task].size(), 1U) << "seed " << seed;
    EXPECT_EQ(guest.bridges().refused(), refusals);
    EXPECT_EQ(guest.bridges().live(), 0U);
    EXPECT_EQ(guest.tasks(), 0U);
    EXPECT_EQ(guest.pump(0).ready, 0U);
  }
}

TEST_F(PumpTest, DescribingSaysWhereATaskAwaitsAndWhatOf) {
  std::uint32_t task = start(ask), child = start(ask_in_children);
  FakeHost::drain(pump);
  std::string one = pump.describe(task), all = pump.describe(0);
  EXPECT_THAT(one, testing::StartsWith(concat("task ", task, " awaits at\n")));
  EXPECT_THAT(one, testing::HasSubstr("ask(std::span<const std::byte>"));
  EXPECT_THAT(one, testing::HasSubstr("pump_test.cc:"));
  EXPECT_THAT(one, testing::HasSubstr(concat("token ", host.requests.at(0).token)));
  EXPECT_THAT(one, testing::Not(testing::HasSubstr(concat("task ", child))));
  EXPECT_THAT(all, testing::HasSubstr(concat("task ", child, " awaits at")));
  EXPECT_THAT(all, testing::HasSubstr("child of task"));
  EXPECT_EQ(pump.describe(4711), "");
  while (host.answer_one(pump)) FakeHost::drain(pump);
}

Task<Result<Bytes>> ask_often(std::span<const std::byte>) {
  for (int i = 0; i < 1000; ++i) {
    auto answer = co_await host::call("tick");
    if (!answer) co_return answer;
  }
  co_return Bytes();
}

TEST_F(PumpTest, AWarmAwaitAllocatesNoFrame) {
  if (!crank::detail::frames_are_pooled) GTEST_SKIP() << "under the address sanitizer every frame is an allocation";
  auto run = [&] {
    std::uint32_t task = start(ask_often);
    host.functions["tick"] = [](std::string_view) { return ""; };
    EXPECT_TRUE(host.finish(pump, task));
  };
  run();
  auto before = frame_refills();
  run();
  EXPECT_EQ(frame_refills(), before);
}

CRANK_ENTRY(registered)(std::span<const std::byte>)->Task<Result<Bytes>> { co_return Bytes("found"); }

TEST_F(PumpTest, AnEntryIsFoundByItsName) {
  EntryFunction entry = NativeEntry::find("", "registered");
  ASSERT_NE(entry, nullptr);
  std::uint32_t task = start(entry);
  FakeHost::drain(pump);
  EXPECT_EQ(host.text_of(task), "found");
  EXPECT_EQ(NativeEntry::find("", "unregistered"), nullptr);
  EXPECT_EQ(NativeEntry::find("elsewhere", "registered"), nullptr);
}

}  // namespace
}  // namespace crank::guest
