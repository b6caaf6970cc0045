// Laws of channels, streams and the algorithms over them.
#include <chrono>
#include <vector>

#include "crank/async/channel.h"
#include "crank/async/laws.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/stream.h"
#include "crank/async/stream_algorithms.h"
#include "crank/async/yield.h"

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

LAW(Channel, DeliversEveryValueOnce) {
  EXPECT_EQ(co_await through_channel(0, 500), 999L * 500);
  EXPECT_EQ(co_await through_channel(8, 500), 999L * 500);
}

LAW(Channel, AFullOneHoldsTheSenderUntilThereIsRoom) {
  Channel<int> channel(2);
  auto sender = spawn(produce(channel, 0, 4));
  while (channel.size() < 2) co_await yield();
  for (int i = 0; i < 10; ++i) co_await yield();
  EXPECT_EQ(channel.size(), 2u);
  EXPECT_FALSE(sender.is_done());
  EXPECT_EQ(co_await channel.receive(), 0);
  EXPECT_EQ(co_await channel.receive(), 1);
  co_await std::move(sender);
  EXPECT_EQ(channel.size(), 2u);
}

LAW(Channel, CancellingAWaiterEndsItsWait) {
  Channel<int> channel(1);
  auto receiver = spawn([&](this auto) -> Task<bool> { co_return (co_await channel.receive()).has_value(); }());
  co_await yield();
  receiver.cancel();
  EXPECT_FALSE(co_await std::move(receiver));
  int kept = 5;
  EXPECT_TRUE(channel.try_send(kept));
  auto sender = spawn([&](this auto) -> Task<bool> { co_return co_await channel.send(6); }());
  co_await yield();
  sender.cancel();
  EXPECT_FALSE(co_await std::move(sender));
  EXPECT_EQ(channel.size(), 1u);
}

LAW(Channel, ACancelThatRacesWithAValueLosesNeitherTask) {
  Channel<int> channel(1);
  for (int i = 0; i < 100; ++i) {
    auto waiter = spawn([&](this auto) -> Task<> { (void)co_await channel.receive(); }());
    auto sender = spawn([&](this auto) -> Task<> { (void)co_await channel.send(1); }());
    waiter.cancel();
    co_await std::move(waiter);
    co_await std::move(sender);
    (void)channel.try_receive();
  }
}

LAW(Channel, ACancelThatRacesWithTheCloseResumesOnce) {
  for (int i = 0; i < 200; ++i) {
    Channel<int> channel(1);
    std::vector<TaskHandle<bool>> waiters;
    for (int n = 0; n < 4; ++n)
      waiters.push_back(spawn([&](this auto) -> Task<bool> { co_return (co_await channel.receive()).has_value(); }()));
    for (int n = 0; n < i % 3; ++n) co_await yield();
    auto closer = spawn([&](this auto) -> Task<> {
      channel.close();
      co_return;
    }());
    for (auto& waiter : waiters) waiter.cancel();
    for (auto& waiter : waiters) EXPECT_FALSE(co_await std::move(waiter));
    co_await std::move(closer);
  }
}

Task<std::vector<int>> all_of(Stream<int> stream) {
  std::vector<int> seen;
  while (auto n = co_await stream.next()) seen.push_back(*n);
  co_return seen;
}

LAW(Stream, BuffersByItsPolicy) {
  auto [bounded, bounded_end] = make_stream<int>(Buffering::bounded(1));
  EXPECT_TRUE(bounded.yield(1) == Yielded::enqueued);
  EXPECT_TRUE(bounded.yield(2) == Yielded::full);
  auto [unbounded, unbounded_end] = make_stream<int>(Buffering::unbounded());
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(unbounded.yield(i) == Yielded::enqueued);
  unbounded.finish();
  EXPECT_EQ((co_await all_of(std::move(unbounded_end))).size(), 5000u);
  auto [latest, latest_end] = make_stream<int>(Buffering::latest(2));
  for (int i = 0; i < 5; ++i) latest.yield(i);
  latest.finish();
  EXPECT_TRUE(latest.yield(9) == Yielded::terminated);
  EXPECT_TRUE(co_await all_of(std::move(latest_end)) == (std::vector<int>{3, 4}));
  auto [oldest, oldest_end] = make_stream<int>(Buffering::oldest(2));
  for (int i = 0; i < 5; ++i) oldest.yield(i);
  oldest.finish();
  EXPECT_TRUE(co_await all_of(std::move(oldest_end)) == (std::vector<int>{0, 1}));
}

LAW(Stream, ABoundedOneMakesItsSourceWaitForTheReader) {
  auto ends = make_stream<int>(Buffering::bounded(2));
  std::atomic<int> sent{0};
  auto source = spawn([](this auto, StreamSource<int> out, std::atomic<int>& sent) -> Task<> {
    for (int i = 0; i < 10; ++i)
      if (co_await out.send(i)) ++sent;
  }(std::move(ends.source), sent));
  while (sent.load() < 2) co_await yield();
  for (int i = 0; i < 10; ++i) co_await yield();
  EXPECT_EQ(sent.load(), 2);
  EXPECT_EQ((co_await all_of(std::move(ends.stream))).size(), 10u);
  co_await std::move(source);
  EXPECT_EQ(sent.load(), 10);
}

LAW(Stream, TheSourceHearsOfTheReadersEndOnce) {
  int told = 0;
  auto ends = make_stream<int>(Buffering::unbounded());
  {
    Stream<int> stream = std::move(ends.stream);
    stream.on_termination([&]() noexcept { ++told; });
  }
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(ends.source.yield(1) == Yielded::terminated);
  ends.source.finish();
  EXPECT_EQ(told, 1);
  co_return;
}

LAW(Stream, EndsWhenItsLastSourceGoesOrItsReaderIsCancelled) {
  auto ends = make_stream<int>(Buffering::bounded(4));
  {
    StreamSource<int> first = std::move(ends.source), second = first;
    (void)co_await second.send(1);
  }
  EXPECT_TRUE(co_await all_of(std::move(ends.stream)) == std::vector<int>{1});
  auto [source, stream] = make_stream<int>(Buffering::bounded(4));
  auto reader = spawn(all_of(std::move(stream)));
  co_await yield();
  reader.cancel();
  EXPECT_TRUE((co_await std::move(reader)).empty());
  EXPECT_TRUE(source.yield(1) == Yielded::terminated);
}

LAW(Stream, SendingIntoAWindowNeverWaitsAndIsFalseOnlyAtTheEnd) {
  for (Buffering window : {Buffering::latest(2), Buffering::oldest(2)}) {
    auto [source, stream] = make_stream<int>(window);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(co_await source.send(i));
    source.finish();
    EXPECT_FALSE(co_await source.send(5));
    EXPECT_EQ((co_await all_of(std::move(stream))).size(), 2u);
  }
}

struct Timed {
  Duration pause;
  int value;
};
Task<> numbers(StreamSource<int> out, std::vector<Timed> plan) {
  for (auto& [pause, value] : plan) {
    if (pause > Duration::zero()) (void)co_await sleep_for(pause);
    (void)co_await out.send(value);
  }
}
std::vector<Timed> plan(std::initializer_list<Timed> steps) { return steps; }

LAW_IN_TIME(StreamAlgorithms, MapFilterAndMergeKeepEveryValue) {
  long total = 0;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto a = make_stream<int>(Buffering::bounded(2));
    auto b = make_stream<int>(Buffering::bounded(2));
    group.spawn(numbers(std::move(a.source), plan({{0s, 1}, {0s, 2}, {1s, 3}})));
    group.spawn(numbers(std::move(b.source), plan({{0s, 10}, {2s, 20}})));
    auto all = merge(group, std::move(a.stream), std::move(b.stream));
    auto even = filter(group, std::move(all), [](int n) { return n % 2 == 0; });
    auto doubled = map(group, std::move(even), [](int n) { return 2L * n; });
    while (auto n = co_await doubled.next()) total += *n;
  });
  EXPECT_EQ(total, 2 * (2 + 10 + 20));
}

LAW_IN_TIME(StreamAlgorithms, DebounceGivesTheLastValueOfABurst) {
  std::vector<int> seen;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::bounded(4));
    group.spawn(numbers(std::move(in.source), plan({{0s, 1}, {10ms, 2}, {10ms, 3}, {1s, 4}, {10ms, 5}})));
    auto calm = debounce(group, std::move(in.stream), 100ms);
    while (auto n = co_await calm.next()) seen.push_back(*n);
  });
  EXPECT_TRUE(seen == (std::vector<int>{3, 5}));
  EXPECT_EQ(current_runtime()->timers().size(), 0u);
}

LAW_IN_TIME(StreamAlgorithms, ChunksAreCutBySizeOrByTime) {
  std::vector<std::size_t> sizes;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::bounded(4));
    group.spawn(numbers(std::move(in.source), plan({{0s, 1}, {0s, 2}, {0s, 3}, {0s, 4}, {5s, 5}, {0s, 6}})));
    auto chunks = chunk(group, std::move(in.stream), 3, 1s);
    while (auto c = co_await chunks.next()) sizes.push_back(c->size());
  });
  EXPECT_TRUE(sizes == (std::vector<std::size_t>{3, 1, 2}));
}

LAW(StreamAlgorithms, LeavingTheScopeEndsThemAndTheirTimers) {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::unbounded());
    in.source.yield(1);
    auto chunks = chunk(group, debounce(group, std::move(in.stream), 1h), 3, 1h);
    co_await yield();
  });
  EXPECT_EQ(current_runtime()->timers().size(), 0u);
}

// A value each 10 ms into a stream of one place; counts those that found room.
Task<> count_sent(StreamSource<int> out, int count, std::atomic<int>& sent) {
  for (int i = 0; i < count && co_await out.send(i); ++i) {
    ++sent;
    (void)co_await sleep_for(10ms);
  }
}

LAW_IN_TIME(StreamAlgorithms, DebounceHoldsItsSourceBackWhileNobodyReads) {
  std::atomic<int> sent{0};
  std::vector<int> seen;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::bounded(1));
    group.spawn(count_sent(std::move(in.source), 20, sent));
    auto calm = debounce(group, std::move(in.stream), 1ms);
    (void)co_await sleep_for(1h);
    EXPECT_EQ(sent.load(), 3);  // one in each stream, one in hand
    while (auto n = co_await calm.next()) seen.push_back(*n);
  });
  EXPECT_TRUE(seen[0] == 0 && seen[1] == 1 && seen.back() == 19);
}

LAW_IN_TIME(StreamAlgorithms, ChunkHoldsItsSourceBackWhileNobodyReads) {
  std::atomic<int> sent{0};
  std::size_t seen = 0;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::bounded(1));
    group.spawn(count_sent(std::move(in.source), 20, sent));
    auto chunks = chunk(group, std::move(in.stream), 2, 1s);
    (void)co_await sleep_for(1h);
    EXPECT_EQ(sent.load(), 5);  // a chunk of two in the stream, one in hand, one value behind
    while (auto c = co_await chunks.next()) seen += c->size();
  });
  EXPECT_EQ(seen, 20u);
}

LAW_IN_TIME(StreamAlgorithms, AChunkIsCutByTimeAlsoWhereAValueIsAlwaysThere) {
  std::vector<std::size_t> sizes;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::unbounded());
    for (int i = 0; i < 4; ++i) in.source.yield(i);
    in.source.finish();
    auto chunks = chunk(group, std::move(in.stream), 3, 0s);
    while (auto c = co_await chunks.next()) sizes.push_back(c->size());
  });
  EXPECT_TRUE(sizes == (std::vector<std::size_t>{1, 1, 1, 1}));
}

LAW(StreamAlgorithms, ATimeThatRacesWithAValueLosesNone) {
  long sum = 0;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto in = make_stream<int>(Buffering::bounded(2));
    group.spawn([](this auto, StreamSource<int> out) -> Task<> {
      for (int i = 0; i < 500; ++i) {
        if (i % 7 == 0) co_await yield();
        EXPECT_TRUE(co_await out.send(i));
      }
    }(std::move(in.source)));
    auto chunks = chunk(group, std::move(in.stream), 3, 2us);
    while (auto c = co_await chunks.next())
      for (int n : *c) sum += n;
  });
  EXPECT_EQ(sum, 499L * 250);
  EXPECT_EQ(current_runtime()->timers().size(), 0u);
}

#if defined(__cpp_exceptions)
struct Odd {};
int refuses_odd(int n) {
  if (n % 2) throw Odd();
  return n;
}
// The values, then a 1000 for a failure at the end; nothing comes after it.
template <class T>
Task<std::vector<T>> until_failure(Stream<T> stream, T mark) {
  std::vector<T> seen;
  try {
    while (auto value = co_await stream.next()) seen.push_back(*std::move(value));
  } catch (const Odd&) {
    seen.push_back(mark);
  }
  EXPECT_FALSE(co_await stream.next());
  co_return seen;
}
Stream<int> stream_of(std::initializer_list<int> values) {
  auto ends = make_stream<int>(Buffering::unbounded());
  for (int n : values) ends.source.yield(n);
  return std::move(ends.stream);
}

LAW(StreamAlgorithms, WhatAFunctionThrowsIsThrownAtTheReaderAfterWhatCameBefore) {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto mapped = map(group, stream_of({2, 4, 5, 6}), refuses_odd);
    EXPECT_TRUE(co_await until_failure(std::move(mapped), 1000) == (std::vector<int>{2, 4, 1000}));
    auto filtered = filter(group, stream_of({2, 0, 7, 8}), [](int n) { return refuses_odd(n) != 0; });
    EXPECT_TRUE(co_await until_failure(std::move(filtered), 1000) == (std::vector<int>{2, 1000}));
  });
}

LAW_IN_TIME(StreamAlgorithms, AFailureGoesThroughAllOfThemAndWhatTheyHoldGoesFirst) {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto failing = [&] { return map(group, stream_of({2, 4, 6, 7}), refuses_odd); };
    auto whole = map(group, filter(group, failing(), [](int) { return true; }), [](int n) { return n; });
    EXPECT_TRUE(co_await until_failure(std::move(whole), 1000) == (std::vector<int>{2, 4, 6, 1000}));
    EXPECT_TRUE(co_await until_failure(debounce(group, failing(), 1h), 1000) == (std::vector<int>{6, 1000}));
    auto chunks = chunk(group, failing(), 2, 1h);
    EXPECT_TRUE(co_await until_failure(std::move(chunks), {1000}) ==
                (std::vector<std::vector<int>>{{2, 4}, {6}, {1000}}));
    // Of a merge the first failure is the end, whatever the other stream has still to say.
    auto open = make_stream<int>(Buffering::bounded(1));
    auto merged = co_await until_failure(merge(group, failing(), std::move(open.stream)), 1000);
    EXPECT_TRUE(merged == (std::vector<int>{2, 4, 6, 1000}));
    EXPECT_FALSE(co_await open.source.send(1) && co_await open.source.send(2) && co_await open.source.send(3));
  });
}

LAW(StreamAlgorithms, AFailureThatNobodyReadsEndsWithItsStream) {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    auto unread = map(group, stream_of({1}), refuses_odd);
    for (int i = 0; i < 10; ++i) co_await yield();
    auto reader = [](this auto, Stream<int> stream) -> Task<bool> {
      current_task()->cancel();  // who is cancelled is told of the end, and of nothing else
      for (int i = 0; i < 10; ++i) co_await yield();
      co_return (co_await stream.next()).has_value();
    };
    EXPECT_FALSE(co_await spawn(reader(map(group, stream_of({1}), refuses_odd))));
  });
}
#endif

}  // namespace
}  // namespace crank
