// A warm task never calls malloc (R11): each part of the runtime in a loop, until its memory is there, and then once more with
// every allocation of the process counted.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/channel.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/pool.h"
#include "crank/async/race.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/stream.h"
#include "crank/async/sync_wait.h"
#include "crank/async/task_local.h"
#include "crank/async/timeout.h"
#include "crank/async/yield.h"

namespace {
std::atomic<bool> counting{false};
std::atomic<int> allocations{0};
void count() noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

// The C library's own, under the names it keeps for those who take the usual ones.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* malloc(std::size_t size) noexcept {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) noexcept {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count();
  return __libc_memalign(alignment, size);
}
}

namespace crank {
namespace {

using namespace std::chrono_literals;

Task<int> one() { co_return 1; }
Task<int> one_later() {
  co_await yield();
  co_return 1;
}
Task<int> asleep() { co_return co_await sleep_for(1h) == SleepOutcome::cancelled; }

Task<> calls_lets_and_spawns() {
  for (int i = 0; i < 50; ++i) {
    auto child = async_let(one_later(), {.name = "a let", .priority = Priority::high});
    int sum = co_await one() + co_await child + co_await spawn(one_later(), {.name = "spawned"});
    sum += co_await with_continuation<int>([](Continuation<int> done) { done.resume(1); });
    EXPECT_EQ(sum, 4);
  }
}

Task<> groups() {
  for (unsigned width : {0u, 3u}) {
    int sum = co_await with_group<int>(
        [&](this auto, auto& group) -> Task<int> {
          for (int i = 0; i < 20; ++i) group.spawn(one_later());
          group.spawn(one_later(), {.name = "named"});
          int sum = 0;
          for (int i = 0; i < 15; ++i) sum += *co_await group.next();
          co_return sum;
        },
        {.width = width});
    EXPECT_EQ(sum, 15);
  }
  co_await with_discarding_group([](this auto, DiscardingGroup& group) -> Task<> {
    for (int i = 0; i < 20; ++i) {
      group.spawn([](this auto) -> Task<> { co_await yield(); }());
      co_await yield();
    }
  });
}

class Counter : public Actor {
 public:
  using Actor::Actor;
  Task<int> add(int n) { co_return total_ += n; }

 private:
  int total_ = 0;
};
std::optional<ActorRef<Counter>> the_counter;  // made in the first round, on the runtime of the moment
Task<> actor_hops() {
  if (!the_counter) the_counter.emplace(make_actor<Counter>());
  ActorRef<Counter> counter = *the_counter;
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 10; ++i)
      group.spawn([](this auto, ActorRef<Counter> counter) -> Task<> {
        for (int k = 0; k < 10; ++k) (void)co_await counter.call(&Counter::add, k);
      }(counter));
    while (co_await group.next()) {}
  });
}

Task<> sleeps_and_timeouts() {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 20; ++i)
      group.spawn([](this auto, int i) -> Task<> {
        (void)co_await sleep_for(i * 100us, 50us);
        auto in_time = co_await with_timeout(1h, one_later());
        EXPECT_TRUE(in_time.has_value());
        EXPECT_EQ(co_await race(asleep(), one_later()), 1);
      }(i));
    while (co_await group.next()) {}
  });
}

Task<> cancelling_and_raising() {
  for (int i = 0; i < 20; ++i) {
    auto task = spawn(
        [](this auto) -> Task<int> {
          auto stop = on_cancel([]() noexcept {});
          auto let = async_let(asleep());
          int cut = co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
            group.spawn(asleep());
            co_return *co_await group.next();
          });
          co_return cut + co_await let;
        }(),
        {.priority = Priority::background});
    co_await yield();
    task.task().escalate(Priority::high);
    task.cancel();
    EXPECT_EQ(co_await std::move(task), 2);
  }
}

const TaskLocal<int> request;
Task<> locals() {
  LocalScope scope(request, 7);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(co_await spawn([](this auto) -> Task<int> { co_return request.get_or(0); }()), 7);
}

Task<> channels(Channel<int>* channel) {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    for (int sender = 0; sender < 3; ++sender)
      group.spawn([](this auto, Channel<int>* channel) -> Task<> {
        for (int i = 0; i < 30; ++i) EXPECT_TRUE(co_await channel->send(i));
      }(channel));
    for (int i = 0; i < 90; ++i) EXPECT_TRUE((co_await channel->receive()).has_value());
    while (co_await group.next()) {}
  });
}

// Streams that are there: making one takes memory that its two ends share.
struct Streams {
  StreamEnds<int> bounded = make_stream<int>(Buffering::bounded(4));
  StreamEnds<int> latest = make_stream<int>(Buffering::latest(4));
};
Task<> streams(Streams* streams) {
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    group.spawn([](this auto, Streams* streams) -> Task<> {
      for (int i = 0; i < 50; ++i) {
        streams->latest.source.yield(i);
        EXPECT_TRUE(co_await streams->bounded.source.send(i));
      }
    }(streams));
    for (int i = 0; i < 50; ++i) EXPECT_TRUE((co_await streams->bounded.stream.next()).has_value());
    EXPECT_TRUE((co_await streams->latest.stream.next()).has_value());
    while (co_await group.next()) {}
  });
}

// The allocations of a fourth round.
template <class Part>
Task<int> allocations_of(Part part) {
  allocations = 0;
  for (int round = 1; round <= 4; ++round) {
    counting = round == 4;
    co_await part();  // one call: another might be elided otherwise
  }
  counting = false;
  co_return allocations.load();
}
template <class Part>
void expect_none_when_warm(Part part) {
  {
    ManualExecutor manual;
    EXPECT_EQ(manual.run(allocations_of(part)), 0) << "on the manual executor";
    the_counter.reset();
  }
  Pool pool({.threads = 1});  // with two, what one frees is another's
  EXPECT_EQ(sync_wait(pool, allocations_of(part)), 0) << "on a pool";
  the_counter.reset();
}

TEST(Warm, TheCountCounts) {
  counting = true;
  allocations = 0;
  ::operator delete(::operator new(1));
  counting = false;
  EXPECT_EQ(allocations.load(), 1);
}
TEST(Warm, CallsLetsAndSpawns) { expect_none_when_warm(calls_lets_and_spawns); }
TEST(Warm, Groups) { expect_none_when_warm(groups); }
TEST(Warm, ActorHops) { expect_none_when_warm(actor_hops); }
TEST(Warm, SleepsTimeoutsAndRaces) { expect_none_when_warm(sleeps_and_timeouts); }
TEST(Warm, CancellingAndRaising) { expect_none_when_warm(cancelling_and_raising); }
TEST(Warm, TaskLocals) { expect_none_when_warm(locals); }
TEST(Warm, Channels) {
  Channel<int> narrow(4), none(0);
  expect_none_when_warm([&](this auto) -> Task<> {
    co_await channels(&narrow);
    co_await channels(&none);
  });
}
TEST(Warm, Streams) {
  Streams ends;
  expect_none_when_warm([&](this auto) -> Task<> { co_await streams(&ends); });
}

}  // namespace
}  // namespace crank
