// Every rule has a trace point (R13), and every point is reached. The decisions of a switch have their goldens in
// decisions_test.cc.
#include "crank/async/trace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/channel.h"
#include "crank/async/continuation.h"
#include "crank/async/frame_pool.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/race.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/timeout.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

class Seen {
 public:
  Seen() { install_trace(&sink_); }
  ~Seen() { install_trace(nullptr); }
  bool operator()(TraceEvent event) {
    std::lock_guard lock(mutex_);
    return events_.contains(event);
  }

 private:
  static void record(void* self, const TraceRecord& record) noexcept {
    auto& seen = *static_cast<Seen*>(self);
    std::lock_guard lock(seen.mutex_);
    seen.events_.insert(record.event);
  }
  std::mutex mutex_;
  std::set<TraceEvent> events_;
  TraceSink sink_{record, this};
};

TEST(Trace, EveryEventHasASentence) {
  std::set<std::string_view> names;
  for (int i = 0; i < trace_events; ++i) names.insert(name_of(static_cast<TraceEvent>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(trace_events));
  EXPECT_FALSE(names.contains("?"));
}

Task<> naps() { (void)co_await sleep_for(1h); }

TEST(Trace, ALifeOfATaskIsTold) {
  Seen seen;
  ManualExecutor manual;
  manual.run([](this auto) -> Task<> {
    co_await with_continuation([](Continuation<> done) { done.resume(); });
    co_await with_group<>([](this auto, auto& group) -> Task<> {
      group.spawn(naps());
      co_await yield();
    });
    auto late = spawn(naps());
    co_await yield();
    late.task().escalate(Priority::high);
    late.cancel();
    co_await std::move(late);
    struct Place : Actor {};
    auto place = make_actor<Place>();
    co_await spawn([](this auto) -> Task<> { co_return; }(), {.executor = place.executor()});
  }());
  using enum TraceEvent;
  for (TraceEvent event : {task_created, task_spawned, task_finished, suspended, resumed, drain_scheduled, scope_left,
                           continuation_ready, cancelled, escalated})
    EXPECT_TRUE(seen(event)) << name_of(event);
}

// What the task of one name is told to do, in order.
class Story {
 public:
  explicit Story(const char* task) : task_(task) { install_trace(&sink_); }
  ~Story() { install_trace(nullptr); }
  std::vector<TraceEvent> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  static void record(void* self, const TraceRecord& record) noexcept {
    auto& story = *static_cast<Story*>(self);
    if (!record.task || std::string_view(record.task->name()) != story.task_) return;
    std::lock_guard lock(story.mutex_);
    story.events_.push_back(record.event);
  }
  std::string_view task_;
  std::mutex mutex_;
  std::vector<TraceEvent> events_;
  TraceSink sink_{record, this};
};
using Events = std::vector<TraceEvent>;
using enum TraceEvent;

// Without the beginning, which is always there.
Events after_spawning(Events events) {
  std::erase_if(events, [](TraceEvent event) { return event == task_created || event == task_spawned; });
  return events;
}

TEST(Trace, AYieldIsASuspensionAndAResumptionAlsoOnAPool) {
  auto yields = [](this auto) -> Task<> { co_await yield(); };
  Story story("t");
  ManualExecutor manual;
  manual.run(yields(), {.name = "t"});
  EXPECT_EQ(after_spawning(story.take()), (Events{suspended, resumed, task_finished}));
  Pool pool({.threads = 1});
  sync_wait(pool, yields(), {.name = "t"});
  EXPECT_EQ(after_spawning(story.take()), (Events{suspended, resumed, task_finished}));
}

TEST(Trace, WaitingForATasksEndIsASuspension) {
  auto waits_for_a_child = [](this auto) -> Task<> {
    auto child = async_let(naps());
    co_await child;
  };
  auto waits_in_a_group = [](this auto) -> Task<> {
    co_await with_group<>([](this auto, auto& group) -> Task<> {
      group.spawn(naps());
      co_await group.next();
    });
  };
  auto waits_for_a_spawned = [](this auto) -> Task<> { co_await spawn(naps()); };
  auto told = [](Task<> body) {
    Story story("t");
    ManualExecutor manual;
    manual.run(std::move(body), {.name = "t"});
    return after_spawning(story.take());
  };
  const Events expected{suspended, stay_inline, task_finished};
  EXPECT_EQ(told(waits_for_a_child()), expected);
  EXPECT_EQ(told(waits_in_a_group()), expected);
  EXPECT_EQ(told(waits_for_a_spawned()), expected);
}

// The child that has not begun is run by the await itself: its parent waits none the less.
TEST(Trace, WaitingForAChildThatTheAwaitRunsIsASuspensionToo) {
  Story story("t");
  Pool pool({.threads = 1});
  auto nothing = [](this auto) -> Task<> { co_return; };
  sync_wait(pool,
            [](this auto, auto nothing) -> Task<> {
              auto child = async_let(nothing());
              co_await child;
              co_await with_group<>([nothing](this auto, auto& group) -> Task<> {
                group.spawn(nothing());
                co_await group.next();
              });
            }(nothing),
            {.name = "t"});
  EXPECT_EQ(after_spawning(story.take()), (Events{suspended, stay_inline, suspended, stay_inline, task_finished}));
}

TEST(Trace, EveryScopeThatIsLeftWithChildrenIsTold) {
  auto told = [](Task<> body) {
    Story story("t");
    ManualExecutor manual;
    manual.run(std::move(body), {.name = "t"});
    auto events = story.take();
    return std::count(events.begin(), events.end(), scope_left);
  };
  auto nothing = [](this auto) -> Task<> { co_return; };
  auto races = [](this auto, Task<> other) -> Task<> { co_await race(naps(), std::move(other)); };
  EXPECT_EQ(told(races(nothing())), 1);
  auto discards = [](this auto, Task<> child) -> Task<> {
    auto body = [&](this auto, DiscardingGroup& group) -> Task<> {
      group.spawn(std::move(child));
      co_return;
    };
    co_await with_discarding_group(body);
  };
  EXPECT_EQ(told(discards(naps())), 1);
  auto is_late = [](this auto) -> Task<> { EXPECT_FALSE(co_await with_timeout(1min, naps())); };
  EXPECT_EQ(told(is_late()), 1);
  auto is_in_time = [](this auto) -> Task<> { EXPECT_TRUE(co_await with_timeout(2h, naps())); };
  EXPECT_EQ(told(is_in_time()), 0);
  auto group = [](this auto) -> Task<> {
    co_await with_group<>([](this auto, auto& group) -> Task<> {
      group.spawn(naps());
      while (co_await group.next()) {}
    });
  };
  EXPECT_EQ(told(group()), 0);
}

TEST(Trace, WhatMovesUpAndWhatIsRefilledIsTold) {
  Seen seen;
  Pool pool({.threads = 1});
  sync_wait(pool,
            [](this auto) -> Task<> {
              std::vector<TaskHandle<>> tasks;
              for (int i = 0; i < 5000; ++i)
                tasks.push_back(spawn([](this auto) -> Task<> { co_return; }(), {.priority = Priority::background}));
              tasks[2500].task().escalate(Priority::high);
              for (auto& task : tasks) co_await std::move(task);
            }(),
            {.priority = Priority::background});
  EXPECT_TRUE(seen(TraceEvent::moved_up));
  if (detail::frames_are_pooled) EXPECT_TRUE(seen(TraceEvent::frames_refilled));
}

}  // namespace
}  // namespace crank
