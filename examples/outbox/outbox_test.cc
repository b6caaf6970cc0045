// The laws of the SDK against a real file and a real server: whatever fails and wherever it is cut off, no event is
// lost, none arrives as another under its id, and nothing of it is left behind.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <set>

#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/timeout.h"
#include "crank/async/yield.h"
#include "examples/outbox/collector.h"
#include "examples/outbox/sdk.h"

namespace outbox {
namespace {

using namespace std::chrono_literals;
using crank::Task;

struct Outbox : testing::Test {
  std::string path =
      (std::filesystem::temp_directory_path() /
       crank::concat("crank_outbox_", getpid(), "_", testing::UnitTest::GetInstance()->random_seed(), ".sqlite"))
          .string();
  crank::Pool pool{{.threads = 3}};
  HttpPost posts;
  std::mutex mutex;
  std::set<std::uint64_t> tracked;
  Outbox() { std::filesystem::remove(path); }
  ~Outbox() override { std::filesystem::remove(path); }

  Options options(const Collector& collector) {
    return {.collector = {"127.0.0.1", collector.port()},
            .pace = {.batch = 6, .max_age = 5ms, .backoff = 1ms, .backoff_cap = 10ms},
            .timeout = 40ms};
  }
  crank::ActorRef<Sdk> open(Options options) {
    auto file = EventFile::open(path);
    EXPECT_TRUE(file) << file.error().to_string();
    return crank::ActorRef<Sdk>(new Sdk(std::move(options), std::move(*file), posts));
  }
  Task<> track(crank::ActorRef<Sdk> sdk, int events) {
    for (int i = 0; i < events; ++i) {
      auto id = co_await sdk.call(&Sdk::track, crank::concat("event-", i));
      if (id) {
        std::lock_guard lock(mutex);
        EXPECT_TRUE(tracked.insert(*id).second) << "an id was given twice";
      }
      if (i % 3 == 0) (void)co_await crank::sleep_for(1ms);
    }
  }
  // Runs the SDK on the file, without faults, until all of it has arrived.
  void deliver_the_rest(Collector& collector) {
    crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector) -> Task<> {
      auto sdk = self.open(self.options(collector));
      auto delivery = crank::spawn(sdk.call(&Sdk::run));
      EXPECT_TRUE(co_await sdk.call(&Sdk::flush));
      delivery.cancel();
      co_await std::move(delivery);
    }(*this, collector));
  }
  void expect_that_all_arrived(Collector& collector) {
    auto seen = collector.seen();
    for (std::uint64_t id : tracked) EXPECT_TRUE(seen.events.contains(id)) << "event " << id << " was lost";
    EXPECT_EQ(seen.events.size(), tracked.size());
    EXPECT_EQ(seen.conflicting, 0u);
    EXPECT_EQ(pool.runtime().timers().size(), 0u);
    auto file = EventFile::open(path);
    EXPECT_EQ((*file)->content()->count, 0u);
  }
};

TEST_F(Outbox, ABatchGoesWhenItIsFullAndOtherwiseWhenItsOldestIsOldEnough) {
  Collector collector([] { return Fault::none; });
  crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector) -> Task<> {
    Options options = self.options(collector);
    options.pace.max_age = 1h;
    auto sdk = crank::make_actor<Sdk>(options, std::move(*EventFile::open(self.path)), self.posts);
    auto delivery = crank::spawn(sdk.call(&Sdk::run));
    co_await self.track(sdk, 6);
    while (collector.seen().events.size() < 6) (void)co_await crank::sleep_for(1ms);  // full: at once
    co_await self.track(sdk, 2);
    EXPECT_EQ(collector.seen().events.size(), 6u);
    delivery.cancel();
    co_await std::move(delivery);
    EXPECT_EQ((co_await sdk.call(&Sdk::statistics)).attempts, 1u);
    options.pace.max_age = 2ms;
    auto again = crank::make_actor<Sdk>(options, std::move(*EventFile::open(self.path)), self.posts);
    auto second = crank::spawn(again.call(&Sdk::run));
    co_await self.track(again, 1);
    while (collector.seen().events.size() < 9) (void)co_await crank::sleep_for(1ms);  // old enough
    second.cancel();
    co_await std::move(second);
  }(*this, collector));
  expect_that_all_arrived(collector);
}

TEST_F(Outbox, OfflineNothingIsTriedAndBackOnlineEverythingAtOnce) {
  Collector collector([] { return Fault::none; });
  crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector) -> Task<> {
    Options options = self.options(collector);
    options.pace.max_age = 1h;  // nothing goes out because it is old
    auto sdk = self.open(options);
    co_await sdk.call(&Sdk::set_online, false);
    auto delivery = crank::spawn(sdk.call(&Sdk::run));
    co_await self.track(sdk, 20);  // three batches, and two events that are no full one
    (void)co_await crank::sleep_for(20ms);
    EXPECT_EQ(collector.seen().requests, 0u);
    EXPECT_EQ(self.pool.runtime().timers().size(), 0u);  // it does not even look
    co_await sdk.call(&Sdk::set_online, true);
    while (collector.seen().events.size() < 20) (void)co_await crank::sleep_for(1ms);
    delivery.cancel();
    co_await std::move(delivery);
  }(*this, collector));
  expect_that_all_arrived(collector);
}

TEST_F(Outbox, WhateverFailsNoEventIsLostAndNoneComesAsAnother) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    std::filesystem::remove(path);
    tracked.clear();
    std::mt19937 dice(seed);
    std::atomic<bool> faulty{true};
    Collector collector([&] { return faulty ? static_cast<Fault>(dice() % 5) : Fault::none; });
    std::mt19937 plan(seed + 100);
    for (int life = 0; life < 3; ++life) {  // killed and started again on the same file
      if (life == 1) collector.go_away();
      if (life == 2) collector.come_back();
      crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector, crank::Duration until) -> Task<> {
        auto sdk = self.open(self.options(collector));
        auto delivery = crank::spawn(sdk.call(&Sdk::run));
        auto tracking = crank::spawn(self.track(sdk, 30));
        (void)co_await crank::sleep_for(until);
        delivery.cancel();  // wherever it is: sending, waiting for an answer, backing off, reading the file
        co_await std::move(delivery);
        co_await std::move(tracking);
      }(*this, collector, std::chrono::microseconds(plan() % 60'000)));
      EXPECT_EQ(pool.runtime().timers().size(), 0u);
    }
    faulty = false;
    deliver_the_rest(collector);
    expect_that_all_arrived(collector);
    EXPECT_EQ(tracked.size(), 90u);
  }
}

// Every request is the moment of a cancellation once: before it is answered, after it was accepted, while it hangs.
TEST_F(Outbox, CancelledAtEveryRequestItLeavesNothingBehindAndLosesNothing) {
  for (Fault fault : {Fault::none, Fault::refuse, Fault::hang, Fault::break_off, Fault::lose_answer}) {
    std::filesystem::remove(path);
    tracked.clear();
    std::atomic<int> to_go{0};
    std::atomic<bool> faulty{true};
    std::atomic<crank::TaskRecord*> victim{nullptr};
    Collector collector([&] {
      if (!faulty) return Fault::none;
      if (--to_go != 0) return Fault::none;
      if (crank::TaskRecord* task = victim.exchange(nullptr))
        task->cancel();  // on the server's thread, in the middle of it
      return fault;
    });
    for (int cut = 1; cut <= 6; ++cut) {
      to_go = cut;
      crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector, auto& victim) -> Task<> {
        auto sdk = self.open(self.options(collector));
        auto delivery = crank::spawn(sdk.call(&Sdk::run));
        victim = &delivery.task();
        co_await self.track(sdk, 40);
        while (victim.load()) (void)co_await crank::sleep_for(1ms);
        co_await std::move(delivery);
      }(*this, collector, victim));
      EXPECT_EQ(pool.runtime().timers().size(), 0u);
    }
    faulty = false;
    deliver_the_rest(collector);
    expect_that_all_arrived(collector);
  }
}

TEST_F(Outbox, CancelledDuringABackoffOrAFlushItEndsAtOnce) {
  Collector collector([] { return Fault::refuse; });
  crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector) -> Task<> {
    Options options = self.options(collector);
    options.pace.backoff = options.pace.backoff_cap = 24h;
    auto sdk = self.open(options);
    auto delivery = crank::spawn(sdk.call(&Sdk::run));
    co_await self.track(sdk, 6);
    auto flush = crank::spawn(sdk.call(&Sdk::flush));
    while (collector.seen().requests == 0 || (co_await sdk.call(&Sdk::statistics)).failures == 0)
      co_await crank::yield();
    flush.cancel();
    auto flushed = co_await std::move(flush);
    EXPECT_FALSE(flushed);
    if (!flushed) EXPECT_EQ(flushed.error().code(), crank::Code::cancelled);
    delivery.cancel();
    co_await std::move(delivery);
  }(*this, collector));
  EXPECT_EQ(pool.runtime().timers().size(), 0u);
  EXPECT_EQ(collector.seen().events.size(), 0u);
}

// Another process holds the file: what was not taken is said, and what is in it goes out later.
TEST_F(Outbox, ABusyFileIsAnErrorOfTrackAndARetryOfDelivery) {
  Collector collector([] { return Fault::none; });
  crank::sync_wait(pool, [](this auto, Outbox& self, Collector& collector) -> Task<> {
    auto sdk = self.open(self.options(collector));
    co_await self.track(sdk, 6);
    sqlite3* other = nullptr;
    EXPECT_EQ(sqlite3_open(self.path.c_str(), &other), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(other, "begin exclusive", nullptr, nullptr, nullptr), SQLITE_OK);
    auto refused = co_await sdk.call(&Sdk::track, std::string("unheard"));
    EXPECT_FALSE(refused);
    if (!refused) EXPECT_NE(refused.error().message().find("locked"), std::string::npos);
    auto delivery = crank::spawn(sdk.call(&Sdk::run));
    while ((co_await sdk.call(&Sdk::statistics)).failures < 3) (void)co_await crank::sleep_for(1ms);
    sqlite3_exec(other, "commit", nullptr, nullptr, nullptr);
    sqlite3_close(other);
    EXPECT_TRUE(co_await sdk.call(&Sdk::flush));
    delivery.cancel();
    co_await std::move(delivery);
  }(*this, collector));
  expect_that_all_arrived(collector);
}

TEST(RetryPause, SpreadsOverTheWholeOfAnIntervalThatDoublesUpToItsCap) {
  delivery::Pace pace{.backoff = 1ms, .backoff_cap = 100ms};
  delivery::Backoff backoff(pace);
  for (unsigned failures = 1; failures < 80; ++failures) {
    crank::Duration bound = failures < 8 ? crank::Duration(1ms) * (1 << (failures - 1)) : crank::Duration(100ms);
    crank::Duration least = 1h, most{};
    for (int i = 0; i < 500; ++i) {
      crank::Duration pause = backoff.pause(failures);
      least = std::min(least, pause);
      most = std::max(most, pause);
    }
    EXPECT_GE(least, crank::Duration::zero());
    EXPECT_LT(least, bound / 20);
    EXPECT_GT(most, bound * 19 / 20);
    EXPECT_LE(most, bound);
  }
}

}  // namespace
}  // namespace outbox
