// Exactly once, under races: answers from other threads, resumes by the embedder, cancels, deadlines of calls and of bridges, and
// a close in the middle, all at once, with every call and every token accounted for. Run under ThreadSanitizer, too.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <random>

#include "crank/async/pool.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using testing::module_named;
using testing::must;
using namespace std::chrono_literals;

struct Stress : ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Engines, Stress, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

struct Board {
  std::mutex mutex;
  std::vector<std::uint32_t> tokens;
  std::atomic<int> answered{0}, stolen{0}, late{0}, cancelled{0}, other{0}, wrong{0};
  std::atomic<int> accepted_by_hand{0}, refused_by_hand{0};
};

Task<> caller(std::shared_ptr<Reactor> reactor, Board& board, int seed, int rounds) {
  std::mt19937 random(static_cast<unsigned>(seed));
  for (int i = 0; i < rounds; ++i) {
    std::string mine = concat("m", seed, "x", i);
    CallOptions options;
    if (random() % 4 == 0) options.deadline = std::chrono::microseconds(50 + random() % 400);
    // Every third bridge has a deadline of its own, about as long as it takes.
    auto asked = spawn(reactor->call("call", to_bytes(concat(i % 3 == 0 ? "bounded " : "slow ", mine)), options));
    if (random() % 4 == 0) {
      std::ignore = co_await sleep_for(std::chrono::microseconds(random() % 200));
      asked.cancel();
    }
    Result<Bytes> answer = co_await std::move(asked);
    if (answer && as_text(*answer) == mine)
      ++board.answered;
    else if (answer && as_text(*answer) == "by hand")
      ++board.stolen;
    else if (answer)
      ++board.wrong;
    else if (answer.error().code() == Code::deadline)
      ++board.late;
    else if (answer.error().code() == Code::cancelled)
      ++board.cancelled;
    else
      ++board.other;
  }
}

Task<> meddler(std::shared_ptr<Reactor> reactor, Board& board, std::atomic<bool>& stop) {
  std::mt19937 random(7);
  while (!stop.load()) {
    std::uint32_t token = random();
    {
      std::lock_guard lock(board.mutex);
      if (!board.tokens.empty()) token = board.tokens[random() % board.tokens.size()];
    }
    Resumed told = co_await reactor->resume(token, Status::ok, to_bytes("by hand"));
    ++(told == Resumed::accepted ? board.accepted_by_hand : board.refused_by_hand);
    std::ignore = co_await sleep_for(20us);
  }
}

struct Play {
  Board board;
  std::atomic<std::uint64_t> asked{0};
  std::atomic<bool> stop{false};
  std::shared_ptr<Bridges> bridges = std::make_shared<Bridges>();

  Play() {
    Bridge slow = [this](BridgeRequest request) -> Task<Result<Bytes>> {
      ++asked;
      {
        std::lock_guard lock(board.mutex);
        board.tokens.push_back(request.token);
        if (board.tokens.size() > 32) board.tokens.erase(board.tokens.begin());
      }
      std::ignore =
          co_await sleep_for(std::chrono::microseconds(std::hash<std::string_view>{}(as_text(request.argument)) % 300));
      co_return std::move(request.argument);
    };
    bridges->add("slow", slow);
    bridges->add("bounded", slow, 150us);
  }
};

constexpr int callers = 6, rounds = 100;

TEST_P(Stress, EveryCallAndEveryTokenEndsOnceWhateverRaces) {
  Pool pool({.threads = 2, .on_blocked = [](unsigned, Duration) {}});
  Play play;
  Board& board = play.board;
  auto reactor = must(Reactor::open(pool.runtime(), engine_for(GetParam()), module_named("bridges", GetParam()),
                                    {.bridges = play.bridges}));
  auto all = [&]() -> Task<> {
    auto meddling = spawn(meddler(reactor, board, play.stop));
    std::vector<TaskHandle<void>> all;
    for (int i = 0; i < callers; ++i) all.push_back(spawn(caller(reactor, board, i, rounds)));
    for (auto& one : all) co_await std::move(one);
    play.stop = true;
    co_await std::move(meddling);
  };
  sync_wait(pool, all());
  EXPECT_EQ(board.wrong, 0);
  EXPECT_EQ(board.other, 0);
  EXPECT_EQ(board.answered + board.stolen + board.late + board.cancelled, callers * rounds);
  EXPECT_GT(board.answered, 0);
  EXPECT_GT(board.cancelled + board.late, 0);
  ReactorReport last = sync_wait(pool, reactor->close());
  EXPECT_EQ(last.calls.size(), 0u);
  // The books of the tokens: each was asked for once, and ended once, by a resume or by being forgotten. Whatever else came was
  // refused.
  EXPECT_EQ(last.requests, play.asked);
  EXPECT_EQ(last.requests, last.resumes + last.forgotten + last.pending.size());
  EXPECT_GE(last.resumes, static_cast<std::uint64_t>(board.answered + board.stolen));
  EXPECT_LE(static_cast<std::uint64_t>(board.accepted_by_hand), last.resumes);
  EXPECT_LE(board.stolen, board.accepted_by_hand);
  EXPECT_GT(board.refused_by_hand, 0);
  EXPECT_GE(last.refused_resumes, static_cast<std::uint64_t>(board.refused_by_hand));
}

TEST_P(Stress, ACloseInTheMiddleOfItAllEndsEveryCallOnceAndLeavesNothing) {
  for (int round = 0; round < 10; ++round) {
    auto pool = std::make_unique<Pool>(PoolOptions{.threads = 2, .on_blocked = [](unsigned, Duration) {}});
    Play play;
    Board& board = play.board;
    auto reactor = must(Reactor::open(pool->runtime(), engine_for(GetParam()), module_named("bridges", GetParam()),
                                      {.bridges = play.bridges}));
    auto all = [&]() -> Task<> {
      auto meddling = spawn(meddler(reactor, board, play.stop));
      std::vector<TaskHandle<void>> all;
      for (int i = 0; i < callers; ++i) all.push_back(spawn(caller(reactor, board, i, 20)));
      std::ignore = co_await sleep_for(std::chrono::microseconds(300 * round));
      ReactorReport last = co_await reactor->close();
      EXPECT_EQ(last.requests, last.resumes + last.forgotten + last.pending.size());
      for (auto& one : all) co_await std::move(one);
      play.stop = true;
      co_await std::move(meddling);
    };
    sync_wait(*pool, all());
    // Those that came too late were told that it is closed; nobody was told twice, or left waiting.
    EXPECT_EQ(board.wrong, 0);
    EXPECT_EQ(board.answered + board.stolen + board.late + board.cancelled + board.other, callers * 20);
    reactor.reset();
    pool.reset();
  }
}

}  // namespace
}  // namespace crank::reactor
