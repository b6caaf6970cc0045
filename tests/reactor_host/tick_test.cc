// While a guest's job computes, the loop it shares a thread with goes on. The proof needs no stop watch: the only clock is the
// embedder's, which its tick moves on by 16 ms, and the guest burns in one job, without a suspension, until that clock has
// moved by two seconds. It can end only when the embedder had its 125 ticks in between.
#include <gmock/gmock.h>

#include "tests/reactor_host/embedders_loop.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::EmbeddersLoop;
using testing::engine_for;
using testing::module_named;
using testing::must;
using testing::text;
using namespace std::chrono_literals;

struct Ticks : ::testing::TestWithParam<bool> {
  EmbeddersLoop loop;
  std::shared_ptr<Bridges> bridges = std::make_shared<Bridges>();

  std::shared_ptr<Reactor> open() {
    return must(Reactor::open(loop.runtime(), engine_for(GetParam()), module_named("bridges", GetParam()),
                              {.bridges = bridges, .slice = 1}));
  }
  template <class T>
  TaskHandle<T> start(Task<T> task) {
    return spawn(std::move(task), {.runtime = &loop.runtime()});
  }
  void close(Reactor& reactor) {
    auto closing = start(reactor.close());
    while (!closing.is_done()) loop.turn();
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Ticks, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(Ticks, TheEmbeddersLoopTicksOnWhileAJobOfTheGuestBurnsTwoSeconds) {
  std::size_t began = 0;
  bridges->add_immediate("began", [&](BridgeRequest&) -> Result<Bytes> {
    began = loop.ticks();
    return Bytes();
  });
  auto greedy = open(), other = open();
  auto burning = start(greedy->call("burn_until", to_bytes("2000000000")));
  while (began == 0) loop.turn();
  // Another reactor of the same thread has its calls answered meanwhile.
  std::size_t answered = 0;
  auto ping = start(other->call("echo", to_bytes("ping")));
  while (!burning.is_done()) {
    loop.turn();
    if (!ping.is_done()) continue;
    EXPECT_EQ(text(ping.result_now().take<Exceptions::none>()), "ping");
    ++answered;
    ping = start(other->call("echo", to_bytes("ping")));
  }
  std::size_t ticks = loop.ticks() - began;
  EXPECT_GE(ticks, 2s / EmbeddersLoop::tick);
  EXPECT_GT(answered, 10u);
  // One job of the guest's it was, and each tick in it a preemption: nothing was suspended by the guest itself.
  auto report = start(greedy->report());
  while (!report.is_done()) loop.turn();
  EXPECT_GT(report.result_now().take<Exceptions::none>().preemptions, 10u);
  EXPECT_EQ(text(burning.result_now().take<Exceptions::none>()), "burned in one job");
  while (!ping.is_done()) loop.turn();
  close(*greedy);
  close(*other);
}

TEST_P(Ticks, ACallOfAGuestThatLoopsMeetsItsDeadlineAndItsCancellationInTime) {
  auto greedy = open();
  Instant start_of_all = loop.now();
  auto late = start(greedy->call("burn", to_bytes("1000000000000000"), {.deadline = 100ms}));
  while (!late.is_done()) loop.turn();
  EXPECT_LT(loop.now() - start_of_all, 1s);
  auto answer = late.result_now().take<Exceptions::none>();
  EXPECT_EQ(answer.error().code(), Code::deadline);
  EXPECT_THAT(answer.error().message(), ::testing::HasSubstr("in the middle of a turn"));
  // It computes on. What waits behind it meets its own deadline, or is given up; it can be looked at, and it can be ended.
  auto too_late = start(greedy->call("echo", to_bytes("x"), {.deadline = 100ms}));
  auto given_up = start(greedy->call("echo", to_bytes("x")));
  auto behind = start(greedy->call("echo", to_bytes("x")));
  for (int i = 0; i < 5; ++i) loop.turn();
  given_up.cancel();
  while (!too_late.is_done() || !given_up.is_done()) loop.turn();
  EXPECT_THAT(text(too_late.result_now().take<Exceptions::none>()), ::testing::HasSubstr("could not be started"));
  EXPECT_EQ(given_up.result_now().take<Exceptions::none>().error().code(), Code::cancelled);
  EXPECT_FALSE(behind.is_done());
  auto report = start(greedy->report());
  while (!report.is_done()) loop.turn();
  EXPECT_GT(report.result_now().take<Exceptions::none>().preemptions, 5u);
  close(*greedy);
  EXPECT_LT(loop.now() - start_of_all, 3s);
  while (!behind.is_done()) loop.turn();
  EXPECT_EQ(behind.result_now().take<Exceptions::none>().error().code(), Code::root_dead);
}

TEST_P(Ticks, CancellingTheCallerOfAGuestThatLoopsReturnsAfterTheGrace) {
  auto greedy = open();
  auto burning = start(greedy->call("burn", to_bytes("1000000000000000")));
  for (int i = 0; i < 10; ++i) loop.turn();
  Instant asked = loop.now();
  burning.cancel();
  while (!burning.is_done()) loop.turn();
  EXPECT_GE(loop.now() - asked, 1s);  // the grace that options give by default
  EXPECT_LT(loop.now() - asked, 2s);
  EXPECT_EQ(burning.result_now().take<Exceptions::none>().error().code(), Code::cancelled);
  close(*greedy);
}

}  // namespace
}  // namespace crank::reactor
