// The analytics SDK natively, under a host turned by hand: its traffic against examples/analytics/traffic.txt, faults drawn
// from seeds, and its JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/guest/entry.h"
#include "examples/analytics/json.h"
#include "examples/analytics/sdk.h"
#include "examples/delivery/stepped.h"
#include "tests/reactor/fake_host.h"

namespace analytics {
namespace {

using crank::Code;
using crank::concat;
using crank::guest::FakeHost;
using crank::guest::NativeEntry;
using crank::guest::Pump;
using crank::guest::Status;

constexpr const char* play_file = CRANK_SOURCE_DIR "/examples/analytics/traffic.txt";

constexpr const char* report =
    R"({"title": "week 47", "events": [{"name": "open", "count": 3}, {"name": "cl\u00f6se", "count": 2.0e0}]})";

/// Drives the module as a host would, and writes down what the collector and the callers see.
class Player {
 public:
  Player() {
    host_.serve = [this](const FakeHost::Request& request) { return answer(request); };
  }

  void command(const std::string& line) {
    std::istringstream words(line);
    std::string verb, name, argument;
    words >> verb;
    if (verb == "outcomes") {
      while (words >> name) outcomes_.push_back(name);
      return;
    }
    words >> name;
    std::getline(words >> std::ws, argument);
    if (verb == "start") {
      std::uint32_t task = FakeHost::start(pump_, NativeEntry::find("analytics", name), argument);
      calls_[task] = name;
      latest_[name] = task;
      settle();
    } else if (verb == "cancel") {
      pump_.cancel(latest_[name]);
      settle();
    } else if (verb == "advance") {
      std::int64_t until = host_.clock + std::stoll(name) * 1'000'000;
      while (pump_.deadline() != crank::guest::no_deadline && pump_.deadline() <= until) {
        host_.clock = std::max(host_.clock, pump_.deadline());
        settle();
      }
      host_.clock = until;
      settle();
    }
  }
  std::string take_lines() { return std::exchange(lines_, {}); }
  bool idle() {
    return pump_.tasks() == 0 && pump_.deadline() == crank::guest::no_deadline && pump_.runtime().timers().size() == 0;
  }

 private:
  void write(const std::string& line) { lines_ += line + "\n"; }
  std::string time() const { return concat(host_.clock / 1'000'000, ".", host_.clock / 100'000 % 10, " ms"); }

  // What is ready, and the collector's answers, until nothing moves without time.
  void settle() {
    do {
      FakeHost::drain(pump_, 2);
      for (auto& [task, results] : host_.completed) {
        if (results.empty()) continue;
        const auto& result = results.front();
        write(concat(calls_[task], result.status == Status::ok ? ": " : ": error ",
                     result.status == Status::ok ? std::string() : concat(static_cast<unsigned>(result.status), ", "),
                     result.text));
        results.clear();
      }
      for (; !host_.forgotten.empty(); host_.forgotten.pop_back()) write("the host forgets a request");
    } while (host_.answer_one(pump_));
  }

  std::optional<std::pair<Status, std::string>> answer(const FakeHost::Request& request) {
    std::string line = request.payload.substr(0, request.payload.find('\n'));
    if (line == "GET https://collector.test/report") return reply(Status::ok, concat("200 0\n\n", report));
    if (line.starts_with("GET")) return reply(Status::ok, "200 0\n\n{\"title\": ");
    std::string outcome = outcomes_.empty() ? "200" : outcomes_.front();
    if (!outcomes_.empty()) outcomes_.pop_front();
    write(concat(time(), ": ", request.payload.substr(request.payload.find("\n\n") + 2), " -> ", outcome));
    if (outcome == "silent") return std::nullopt;
    if (outcome == "io") return reply(Status::io, "no route");
    return reply(Status::ok, outcome + " 0\n\n");
  }
  static std::pair<Status, std::string> reply(Status status, std::string text) { return {status, std::move(text)}; }

  FakeHost host_;
  Pump pump_{host_.imports()};
  std::map<std::uint32_t, std::string> calls_;
  std::map<std::string, std::uint32_t> latest_;
  std::deque<std::string> outcomes_;
  std::string lines_;
};

TEST(Traffic, IsWhatThePlaySays) {
  std::ifstream file(play_file);
  ASSERT_TRUE(file);
  Player player;
  std::string line, played;
  while (std::getline(file, line)) {
    if (line.starts_with("> ")) {
      player.command(line.substr(2));
      played += line + "\n" + player.take_lines();
    } else if (line.starts_with("#") || line.empty()) {
      played += line + "\n";
    }
  }
  if (std::getenv("CRANK_REBASE")) std::ofstream(play_file) << played;
  std::ifstream again(play_file);
  std::stringstream wanted;
  wanted << again.rdbuf();
  EXPECT_EQ(played, wanted.str());
  EXPECT_TRUE(player.idle()) << "a timer or a task is left";
}

// A transport whose answers are drawn from a seed, and a collector that knows events by their ids.
class Collector final : public Transport {
 public:
  explicit Collector(std::uint32_t seed) : random_(seed) {}
  crank::Task<crank::Result<>> deliver(std::string batch) override {
    std::ignore = co_await crank::sleep_for(std::chrono::milliseconds(random_() % 50));
    std::uint32_t fate = healthy ? 0 : random_() % 4;
    // Lost before it arrived, or its acceptance lost on the way back.
    if (fate == 1) co_return crank::fail(Code::io, "lost");
    auto text = json::parse(batch);
    if (!text) co_return crank::fail(text.error());
    for (const json::Value& event : (*text)["events"].items()) {
      auto id = static_cast<std::uint64_t>(event["id"].number());
      names.emplace(id, event["name"].text());
      EXPECT_EQ(names[id], event["name"].text()) << "id " << id << " was used twice";
    }
    if (fate == 2) co_return crank::fail(Code::io, "the answer was lost");
    if (crank::is_cancelled()) co_return crank::fail(Code::cancelled, "stopped");
    co_return crank::Result<>();
  }
  std::map<std::uint64_t, std::string> names;
  bool healthy = false;

 private:
  std::mt19937 random_;
};

crank::Task<Statistics> use(Collector& collector, std::uint32_t seed) {
  std::mt19937 random(seed * 977 + 1);
  auto sdk = crank::make_actor<Sdk>(
      Options{.pace = {.batch = 1 + random() % 7, .max_age = std::chrono::milliseconds(200), .seed = seed + 1}},
      collector);
  auto running = crank::spawn(sdk.call(&Sdk::run));
  for (int i = 0; i < 100; ++i) {
    std::uint64_t id = co_await sdk.call(&Sdk::track, concat("event ", i), i);
    EXPECT_EQ(id, static_cast<std::uint64_t>(i) + 1);
    switch (random() % 12) {
      case 0: std::ignore = co_await crank::sleep_for(std::chrono::milliseconds(random() % 500)); break;
      case 1: co_await sdk.call(&Sdk::set_online, random() % 2 == 0); break;
      case 2:  // Stopped anywhere, also inside a delivery, and started again.
        running.cancel();
        co_await std::move(running);
        running = crank::spawn(sdk.call(&Sdk::run));
        break;
      default: break;
    }
  }
  collector.healthy = true;
  co_await sdk.call(&Sdk::set_online, true);
  auto flushed = co_await sdk.call(&Sdk::flush);
  EXPECT_TRUE(flushed);
  running.cancel();
  co_await std::move(running);
  co_return co_await sdk.call(&Sdk::statistics);
}

TEST(Sdk, WhateverFailsNoEventIsLostNoneChangesItsIdAndNoTimerIsLeft) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    crank::ManualExecutor manual;
    Collector collector(seed);
    Statistics all = manual.run(use(collector, seed));
    ASSERT_EQ(collector.names.size(), 100U) << "seed " << seed;
    for (std::uint64_t id = 1; id <= 100; ++id) EXPECT_EQ(collector.names[id], concat("event ", id - 1));
    EXPECT_EQ(all.tracked, 100U);
    EXPECT_EQ(all.delivered, 100U) << "seed " << seed;
    EXPECT_EQ(all.buffered, 0U);
    EXPECT_EQ(manual.runtime().timers().size(), 0U);
    EXPECT_EQ(manual.ready(), 0U);
  }
}

// Collects, with a fate for each batch in turn: lost on the way there, accepted, refused for good, or its acceptance lost.
class Stepping final : public Transport {
 public:
  crank::Task<crank::Result<>> deliver(std::string batch) override {
    unsigned fate = batches++ % 4;
    if (co_await crank::sleep_for(std::chrono::milliseconds(2)) == crank::SleepOutcome::cancelled)
      co_return crank::fail(Code::cancelled, "on its way there");
    if (fate == 0) co_return crank::fail(Code::io, "lost");
    auto text = json::parse(batch);
    for (const json::Value& event : (*text)["events"].items()) {
      auto id = static_cast<std::uint64_t>(event["id"].number());
      EXPECT_FALSE(settled.contains(id)) << id << " was sent again though its fate was known";
      EXPECT_EQ(names.emplace(id, event["name"].text()).first->second, event["name"].text());
    }
    if (fate == 3) co_return crank::fail(Code::io, "the answer was lost");
    if (co_await crank::sleep_for(std::chrono::milliseconds(1)) == crank::SleepOutcome::cancelled)
      co_return crank::fail(Code::cancelled, "on its way back");
    for (const json::Value& event : (*text)["events"].items())
      settled.insert(static_cast<std::uint64_t>(event["id"].number()));
    if (fate == 2) co_return crank::fail(Code::bad_argument, "malformed");
    co_return crank::Result<>();
  }
  std::map<std::uint64_t, std::string> names;
  std::set<std::uint64_t> settled;
  unsigned batches = 0;
};

TEST(Sdk, CancelledAtEveryPointItLosesNothingAndLeavesNothingBehind) {
  using std::chrono::milliseconds;
  for (auto victim : {delivery::Victim::delivery, delivery::Victim::flush}) {
    unsigned k = 0;
    for (bool cut = true; cut; ++k) {
      Stepping transport;
      std::map<std::uint64_t, std::string> tracked;
      auto make = [&]() -> crank::Task<crank::ActorRef<Sdk>> {
        delivery::Pace pace{
            .batch = 3, .max_age = milliseconds(5), .backoff = milliseconds(2), .backoff_cap = milliseconds(8)};
        co_return crank::make_actor<Sdk>(Options{.pace = pace}, transport);
      };
      auto track = [&](crank::ActorRef<Sdk> sdk, int n) -> crank::Task<> {
        std::string name = concat("event ", n);
        tracked.emplace(co_await sdk.call(&Sdk::track, name, n), name);
      };
      cut = delivery::live<Sdk>(k, victim, make, track);
      ASSERT_EQ(transport.names, tracked) << "cut at " << k;
      ASSERT_EQ(transport.settled.size(), tracked.size()) << "cut at " << k;
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    EXPECT_GT(k, 40U);  // it was cut in many places
  }
}

class Refusing final : public Transport {
 public:
  crank::Task<crank::Result<>> deliver(std::string) override {
    tries.push_back(crank::current_runtime()->now());
    co_return crank::fail(Code::io, "down");
  }
  std::vector<crank::Instant> tries;
};

TEST(Sdk, RetriesBackOffWithinTheirBoundsAndNotInStep) {
  using std::chrono::milliseconds;
  crank::ManualExecutor manual;
  Refusing down;
  auto program = [](Refusing& transport) -> crank::Task<> {
    auto sdk = crank::make_actor<Sdk>(
        Options{.pace = {.batch = 1, .backoff = milliseconds(100), .backoff_cap = milliseconds(800), .seed = 3}},
        transport);
    auto running = crank::spawn(sdk.call(&Sdk::run));
    std::ignore = co_await sdk.call(&Sdk::track, "event", 1);
    std::ignore = co_await crank::sleep_for(std::chrono::seconds(60));
    running.cancel();
    co_await std::move(running);
  };
  manual.run(program(down));
  ASSERT_GT(down.tries.size(), 50U);
  std::set<crank::Duration> different;
  crank::Duration together{};
  for (std::size_t i = 1; i < down.tries.size(); ++i) {
    crank::Duration gap = down.tries[i] - down.tries[i - 1];
    EXPECT_LE(gap, milliseconds(i < 4 ? 100 << (i - 1) : 800)) << "retry " << i;
    different.insert(gap);
    together += gap;
  }
  EXPECT_GT(different.size(), down.tries.size() / 2);
  // Full jitter: about half of the bound on average.
  EXPECT_GT(together / static_cast<int>(down.tries.size() - 1), milliseconds(250));
  EXPECT_LT(together / static_cast<int>(down.tries.size() - 1), milliseconds(550));
}

TEST(Json, ReadsWhatRfc8259Allows) {
  auto value = json::parse(R"( {"a": [1, -2.5e2, true, false, null, "x\n\"\\\u00e9\ud83d\ude00"], "b": {}, "a": 7} )");
  ASSERT_TRUE(value);
  const auto& a = (*value)["a"].items();
  ASSERT_EQ(a.size(), 6U);
  EXPECT_EQ(a[0].number(), 1);
  EXPECT_EQ(a[1].number(), -250);
  EXPECT_TRUE(a[2].boolean());
  EXPECT_FALSE(a[3].boolean());
  EXPECT_EQ(a[4].kind(), json::Value::Kind::null);
  EXPECT_EQ(a[5].text(), "x\n\"\\\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ((*value)["b"]["c"]["d"].text(), "");
}

TEST(Json, RefusesTheRestWithItsOffset) {
  for (const char* text :
       {"",    " ",  "{",       "[1,]",        "{\"a\"}",     "{\"a\":1,}", "01",  "1.",    "1e",    "-",   "+1",
        "tru", "\"", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"a\nb\"",   "1 2", "[1 2]", "{1:2}", "nul", "'a'"}) {
    auto value = json::parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_THAT(value.error().message(), testing::HasSubstr("at offset"));
  }
  EXPECT_FALSE(json::parse(std::string(100, '[')));
  EXPECT_TRUE(json::parse(std::string(60, '[') + std::string(60, ']')));
}

TEST(Json, QuotesWhatItReadsBack) {
  std::string text = "a\"b\\c\x01\n\x1f\xc3\xa9", quoted;
  json::append_quoted(quoted, text);
  EXPECT_EQ(json::parse(quoted)->text(), text);
}

}  // namespace
}  // namespace analytics
