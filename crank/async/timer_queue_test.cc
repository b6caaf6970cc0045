// The timer queue beside the simplest one there can be: a sorted list. Random adding, removing and passing of time.
#include "crank/async/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "crank/async/runtime.h"

namespace crank {
namespace {

struct Probe : Timer {
  Probe(std::vector<int>& log, int name)
      : Timer([](Timer& self) noexcept { static_cast<Probe&>(self).fired(); }), log_(log), name_(name) {}
  void fired() { log_.push_back(name_); }
  std::vector<int>& log_;
  int name_;
};

// A runtime whose clock is told, and whose delayed hook is a variable.
struct Bench {
  Instant now{};
  Job* armed = nullptr;
  Instant when = Instant::max();
  Runtime runtime{{.context = this,
                   .enqueue_delayed =
                       [](void* context, Job& job, Instant when) noexcept {
                         static_cast<Bench*>(context)->armed = &job;
                         static_cast<Bench*>(context)->when = when;
                       }},
                  [](void* context) noexcept { return static_cast<Bench*>(context)->now; },
                  this};
  void pass_until(Instant then) {
    while (armed && when <= then) {
      now = std::max(now, when);
      Job* job = std::exchange(armed, nullptr);
      when = Instant::max();
      job->run(job);
    }
    now = then;
  }
};

TEST(TimerQueue, FiresInOrderOfInstantThenOfAddingWhateverTheDistances) {
  using std::chrono::nanoseconds;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    Bench bench;
    // Some queues start late: a steady clock counts from the machine's start.
    bench.now = Instant(nanoseconds(seed % 3 ? random() % (1ull << (10 + seed % 45)) : 0));
    std::vector<int> fired, expected;
    struct Model {
      Instant when;
      int name;
    };
    std::vector<Model> model;  // in order of instant, then of adding
    std::vector<std::unique_ptr<Probe>> probes;
    auto expect_until = [&](Instant then) {
      while (!model.empty() && model.front().when <= then) {
        expected.push_back(model.front().name);
        model.erase(model.begin());
      }
    };
    unsigned most = 1 + seed % 50;  // digits of the longest distance
    for (int step = 0; step < 1500; ++step) {
      auto choice = random() % 10;
      if (choice < 5) {
        auto distance =
            static_cast<std::int64_t>(random() % (1ull << (random() % most + 1))) - (random() % 20 == 0 ? 50 : 0);
        Instant when = bench.now + nanoseconds(distance);
        if (random() % 8 == 0 && !model.empty()) when = model[random() % model.size()].when;
        auto name = static_cast<int>(probes.size());
        probes.push_back(std::make_unique<Probe>(fired, name));
        model.insert(std::upper_bound(model.begin(), model.end(), when,
                                      [](Instant at, const Model& one) { return at < one.when; }),
                     {when, name});
        bench.runtime.timers().add(*probes.back(), when);
        ASSERT_LE(bench.when, when);
      } else if (choice < 8 && !probes.empty()) {
        auto name = static_cast<int>(random() % probes.size());
        auto it = std::find_if(model.begin(), model.end(), [&](auto& one) { return one.name == name; });
        ASSERT_EQ(bench.runtime.timers().remove(*probes[static_cast<std::size_t>(name)]), it != model.end());
        if (it != model.end()) model.erase(it);
      } else {
        Instant then = bench.now + nanoseconds(random() % (1ull << (random() % most + 1)));
        expect_until(then);
        bench.pass_until(then);
        ASSERT_EQ(fired, expected) << "seed " << seed << " step " << step;
      }
      ASSERT_EQ(bench.runtime.timers().size(), model.size());
    }
    expect_until(Instant::max());
    bench.pass_until(Instant::max());
    EXPECT_EQ(fired, expected);
  }
}

// Beside a list in the order of the last moments: what wakes the runtime is always somebody's last moment, and then all fire
// whose first moment has come, up to one whose has not.
TEST(TimerQueue, TolerantTimersWakeNobodyWhomAnotherTimerOfTheirWindowWakesAnyway) {
  using std::chrono::nanoseconds;
  struct Model {
    Instant first, last;
    int name;
  };
  constexpr auto tick = nanoseconds(1 << 14);  // windows are kept in ticks, rounded to their end
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    Bench bench;
    std::vector<int> fired, expected;
    std::vector<Model> model;
    std::vector<std::unique_ptr<Probe>> probes;
    unsigned most = 16 + seed % 30;
    for (int step = 0; step < 800; ++step) {
      if (random() % 3 != 0) {
        Instant when = bench.now + nanoseconds(random() % (1ull << (random() % most + 1)));
        Duration tolerance = nanoseconds(random() % 2 ? random() % (1ull << (random() % most + 1)) : 0);
        auto name = static_cast<int>(probes.size());
        probes.push_back(std::make_unique<Probe>(fired, name));
        Instant last = when + tolerance;
        model.insert(std::upper_bound(model.begin(), model.end(), last,
                                      [](Instant at, const Model& one) { return at < one.last; }),
                     {last - tolerance / tick * tick, last, name});
        bench.runtime.timers().add(*probes.back(), when, tolerance);
        ASSERT_LE(bench.when, last);
      } else if (random() % 3 == 0 && !model.empty()) {
        auto it = model.begin() + static_cast<std::ptrdiff_t>(random() % model.size());
        ASSERT_TRUE(bench.runtime.timers().remove(*probes[static_cast<std::size_t>(it->name)]));
        model.erase(it);
      } else {
        Instant then = bench.now + nanoseconds(random() % (1ull << (random() % most + 1)));
        // A wake-up for a timer that was removed meanwhile is one, too.
        while (bench.armed && bench.when <= then) {
          Instant at = bench.when;
          while (!model.empty() && model.front().first <= at) {
            ASSERT_GE(model.front().last, at);
            expected.push_back(model.front().name);
            model.erase(model.begin());
          }
          bench.pass_until(at);
          ASSERT_EQ(fired, expected) << "seed " << seed << " step " << step;
        }
        bench.pass_until(then);
        ASSERT_TRUE(model.empty() || model.front().last > then);
      }
    }
  }
}

// A pump that asks when the next timer is due is told exactly, also of timers far away.
TEST(TimerQueue, WhatIsArmedAfterFiringIsTheEarliestOfAll) {
  using std::chrono::nanoseconds;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    Bench bench;
    std::vector<int> fired;
    std::vector<std::unique_ptr<Probe>> probes;
    std::vector<Instant> instants;
    for (int i = 0; i < 300; ++i) {
      probes.push_back(std::make_unique<Probe>(fired, i));
      instants.push_back(Instant(nanoseconds(random() % (1ull << (random() % 50 + 1)))));
      bench.runtime.timers().add(*probes.back(), instants.back());
    }
    std::sort(instants.begin(), instants.end());
    bench.pass_until(bench.now);
    for (Instant expected : instants) {
      if (fired.size() == instants.size()) break;
      if (bench.now >= expected) continue;
      ASSERT_EQ(bench.when, expected);
      bench.pass_until(expected);
    }
    EXPECT_EQ(fired.size(), instants.size());
  }
}

}  // namespace
}  // namespace crank
