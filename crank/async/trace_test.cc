// Every rule has a trace point (R13), and every point is reached. The decisions of a switch have their goldens in
// decisions_test.cc.
#include "crank/async/trace.h"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <set>
#include <string_view>

#include "crank/async/actor.h"
#include "crank/async/channel.h"
#include "crank/async/continuation.h"
#include "crank/async/frame_pool.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
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
