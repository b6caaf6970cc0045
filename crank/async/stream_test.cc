#include "crank/async/stream.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "crank/async/channel.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/stream_algorithms.h"
#include "crank/async/sync_wait.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

Task<> produce(Channel<int>& channel, int from, int to) {
  for (int i = from; i < to; ++i) EXPECT_TRUE(co_await channel.send(i));
}
Task<long> consume(Channel<int>& channel) {
  long sum = 0;
  while (auto n = co_await channel.receive()) sum += *n;
  co_return sum;
}
Task<long> through_channel(std::size_t capacity, int count) {
  Channel<int> channel(capacity);
  co_return co_await with_group<long>([&](this auto, auto& group) -> Task<long> {
    group.spawn(consume(channel));
    group.spawn(consume(channel));
    co_await with_group<>([&](this auto, auto& senders) -> Task<> {
      senders.spawn(produce(channel, 0, count));
      senders.spawn(produce(channel, count, 2 * count));
      while (co_await senders.next()) {}
    });
    channel.close();
    long sum = 0;
    while (auto part = co_await group.next()) sum += *part;
    co_return sum;
  });
}

TEST(Channel, DeliversEveryValueOnce) {
  ManualExecutor manual(7);
  EXPECT_EQ(manual.run(through_channel(0, 500)), 999L * 500);
  EXPECT_EQ(manual.run(through_channel(8, 500)), 999L * 500);
  Pool pool({.threads = 4});
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(sync_wait(pool, through_channel(0, 500)), 999L * 500);
    ASSERT_EQ(sync_wait(pool, through_channel(8, 2000)), 3999L * 2000);
  }
}

TEST(Channel, AFullOneHoldsTheSenderUntilThereIsRoom) {
  ManualExecutor manual;
  Channel<int> channel(2);
  auto sender = spawn(produce(channel, 0, 4), {.runtime = &manual.runtime()});
  manual.run();
  EXPECT_EQ(channel.size(), 2u);
  EXPECT_FALSE(sender.is_done());
  EXPECT_EQ(channel.try_receive(), 0);
  EXPECT_EQ(channel.try_receive(), 1);
  manual.run();
  EXPECT_TRUE(sender.is_done());
  EXPECT_EQ(channel.size(), 2u);
}

TEST(Channel, CancellingAWaiterEndsItsWait) {
  ManualExecutor manual;
  Channel<int> channel(1);
  auto receiver = spawn([&](this auto) -> Task<bool> { co_return (co_await channel.receive()).has_value(); }(),
                        {.runtime = &manual.runtime()});
  manual.run();
  receiver.cancel();
  manual.run();
  ASSERT_TRUE(receiver.is_done());
  EXPECT_FALSE(receiver.result_now().take<Exceptions::none>());
  int kept = 5;
  EXPECT_TRUE(channel.try_send(kept));
}

Task<> cancelled_receivers(Channel<int>& channel) {
  auto waiter = spawn([&](this auto) -> Task<> { (void)co_await channel.receive(); }());
  auto sender = spawn([&](this auto) -> Task<> { (void)co_await channel.send(1); }());
  waiter.cancel();
  co_await std::move(waiter);
  co_await std::move(sender);
  (void)channel.try_receive();
}

TEST(Channel, ACancelThatRacesWithAValueLosesNeitherTask) {
  Pool pool({.threads = 4});
  Channel<int> channel(1);
  for (int i = 0; i < 2000; ++i) sync_wait(pool, cancelled_receivers(channel));
}

TEST(Stream, BuffersByItsPolicy) {
  auto [bounded, bounded_end] = make_stream<int>(Buffering::bounded(1));
  EXPECT_EQ(bounded.yield(1), Yielded::enqueued);
  EXPECT_EQ(bounded.yield(2), Yielded::full);
  auto [unbounded, unbounded_end] = make_stream<int>(Buffering::unbounded());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(unbounded.yield(i), Yielded::enqueued);
  auto [latest, latest_end] = make_stream<int>(Buffering::latest(2));
  for (int i = 0; i < 5; ++i) latest.yield(i);
  latest.finish();
  EXPECT_EQ(latest.yield(9), Yielded::terminated);
  ManualExecutor manual;
  auto read = manual.run([](this auto, Stream<int> stream) -> Task<std::vector<int>> {
    std::vector<int> seen;
    while (auto n = co_await stream.next()) seen.push_back(*n);
    co_return seen;
  }(std::move(latest_end)));
  EXPECT_EQ(read, (std::vector<int>{3, 4}));
}

TEST(Stream, TheSourceHearsOfTheReadersEndOnce) {
  int told = 0;
  auto ends = make_stream<int>(Buffering::unbounded());
  {
    Stream<int> stream = std::move(ends.stream);
    stream.on_termination([&]() noexcept { ++told; });
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(ends.source.yield(1), Yielded::terminated);
  ends.source.finish();
  EXPECT_EQ(told, 1);
}

Task<> numbers(StreamSource<int> out, std::vector<std::pair<Duration, int>> plan) {
  for (auto& [pause, value] : plan) {
    if (pause > Duration::zero()) (void)co_await sleep_for(pause);
    (void)co_await out.send(value);
  }
}

TEST(StreamAlgorithms, MapFilterAndMergeKeepEveryValue) {
  ManualExecutor manual;
  auto sum = manual.run([](this auto) -> Task<long> {
    long total = 0;
    co_await with_group<>([&](this auto, auto& group) -> Task<> {
      auto a = make_stream<int>(Buffering::bounded(2));
      auto b = make_stream<int>(Buffering::bounded(2));
      group.spawn(numbers(std::move(a.source), {{0s, 1}, {0s, 2}, {1s, 3}}));
      group.spawn(numbers(std::move(b.source), {{0s, 10}, {2s, 20}}));
      auto all = merge(group, std::move(a.stream), std::move(b.stream));
      auto even = filter(group, std::move(all), [](int n) { return n % 2 == 0; });
      auto doubled = map(group, std::move(even), [](int n) { return 2L * n; });
      while (auto n = co_await doubled.next()) total += *n;
    });
    co_return total;
  }());
  EXPECT_EQ(sum, 2 * (2 + 10 + 20));
}

TEST(StreamAlgorithms, DebounceGivesTheLastValueOfABurst) {
  ManualExecutor manual;
  auto seen = manual.run([](this auto) -> Task<std::vector<int>> {
    std::vector<int> out;
    co_await with_group<>([&](this auto, auto& group) -> Task<> {
      auto in = make_stream<int>(Buffering::bounded(4));
      group.spawn(numbers(std::move(in.source), {{0s, 1}, {10ms, 2}, {10ms, 3}, {1s, 4}, {10ms, 5}}));
      auto calm = debounce(group, std::move(in.stream), 100ms);
      while (auto n = co_await calm.next()) out.push_back(*n);
    });
    co_return out;
  }());
  EXPECT_EQ(seen, (std::vector<int>{3, 5}));
  EXPECT_EQ(manual.runtime().timers().size(), 0u);
}

TEST(StreamAlgorithms, ChunksAreCutBySizeOrByTime) {
  ManualExecutor manual;
  auto sizes = manual.run([](this auto) -> Task<std::vector<std::size_t>> {
    std::vector<std::size_t> out;
    co_await with_group<>([&](this auto, auto& group) -> Task<> {
      auto in = make_stream<int>(Buffering::bounded(4));
      group.spawn(numbers(std::move(in.source), {{0s, 1}, {0s, 2}, {0s, 3}, {0s, 4}, {5s, 5}, {0s, 6}}));
      auto chunks = chunk(group, std::move(in.stream), 3, 1s);
      while (auto c = co_await chunks.next()) out.push_back(c->size());
    });
    co_return out;
  }());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 1, 2}));
}

}  // namespace
}  // namespace crank
