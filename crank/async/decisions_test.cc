// The decisions of an await, one golden for each row of S2.13 (docs/async/laws.md). (The traces of S1.12 and S2.11 are the
// examples five_points and two_actors, and the law FivePoints.)
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/continuation.h"
#include "crank/async/manual_executor.h"
#include "crank/async/spawn.h"
#include "crank/async/sync_wait.h"
#include "crank/async/task_switch.h"
#include "crank/async/trace.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

// Collects the switch decisions of one task by the name of the task.
class Decisions {
 public:
  Decisions() { install_trace(&sink_); }
  ~Decisions() { install_trace(nullptr); }
  std::vector<TraceEvent> of(const char* task) const {
    std::vector<TraceEvent> out;
    for (auto& [name, event] : seen_)
      if (name == task) out.push_back(event);
    return out;
  }

 private:
  static void record(void* context, const TraceRecord& record) noexcept {
    if (record.event < TraceEvent::stay_inline || record.event > TraceEvent::enqueue_foreign) return;
    static_cast<Decisions*>(context)->seen_.emplace_back(record.task ? record.task->name() : "", record.event);
  }
  std::vector<std::pair<std::string, TraceEvent>> seen_;
  TraceSink sink_{record, this};
};

class Place : public Actor {
 public:
  using Actor::Actor;
  Task<> visit() {
    assert_isolated();
    ++visits;
    co_return;
  }
  Task<> visit_twice_from_inside() {
    co_await visit();
    co_await visit();
  }
  Task<> stay(Continuation<>* until) {
    co_await with_continuation([&](Continuation<> leave) { *until = std::move(leave); });
  }
  int visits = 0;
};

struct Stage {
  ManualExecutor manual;
  Decisions decisions;
  SpawnOptions named(const char* name) { return {.name = name, .runtime = &manual.runtime()}; }
};

Task<> visit(ActorRef<Place> place) { co_await place.call(&Place::visit); }

TEST(Decision, MainToAnIdleActorIsEnqueuedBecauseMainKeepsItsThread) {
  Stage stage;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  SpawnOptions options = stage.named("t");
  options.executor = stage.manual.runtime().main();
  spawn(visit(place), options).run_on();
  stage.manual.run();
  // And back: main is no executor that a thread can be handed to.
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::enqueue_no_give_up, TraceEvent::enqueue_custom}));
}

TEST(Decision, GenericToAnIdleActorIsHandedOver) {
  Stage stage;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  spawn(visit(place), stage.named("t")).run_on();
  EXPECT_EQ(stage.manual.run(), 1u);  // one job: there and back without a queue
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::hand_off, TraceEvent::hand_off}));
}

TEST(Decision, GenericToABusyActorIsEnqueued) {
  Stage stage;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  DefaultActor* executor = place.executor().default_actor();
  ASSERT_TRUE(executor->try_enter());
  executor->park_turn();
  spawn(visit(place), stage.named("t")).run_on();
  stage.manual.run();
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::enqueue_busy}));
  executor->continue_turn();
  executor->leave();
  stage.manual.run();
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::enqueue_busy, TraceEvent::hand_off}));
}

TEST(Decision, TheSameExecutorGoesOnInline) {
  Stage stage;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  spawn([](this auto, ActorRef<Place> place) -> Task<> { co_await place.call(&Place::visit_twice_from_inside); }(place),
        stage.named("t"))
      .run_on();
  EXPECT_EQ(stage.manual.run(), 1u);
  using enum TraceEvent;
  EXPECT_EQ(stage.decisions.of("t"),
            (std::vector{hand_off, stay_inline, stay_inline, stay_inline, stay_inline, hand_off}));
}

struct QueueOfJobs final : TaskExecutor {
  JobList jobs;
  void enqueue(Job& job) override { jobs.push(job); }
};

TEST(Decision, TheSameActorWithAnotherTaskExecutorIsASwitch) {
  QueueOfJobs one, other;
  ManualExecutor manual;
  DefaultActor actor(manual.runtime());
  EXPECT_FALSE(must_switch(actor.ref(), actor.ref(), nullptr, nullptr));
  EXPECT_FALSE(must_switch(actor.ref(), actor.ref(), &one, &one));
  EXPECT_TRUE(must_switch(actor.ref(), actor.ref(), nullptr, &one));
  EXPECT_TRUE(must_switch(actor.ref(), actor.ref(), &other, &one));
}

// Without a preference itself, on an actor whose drain a task brought to the executor it prefers: its next call on that very
// actor is a switch, since null stands for the default executor.
TEST(Decision, AnAwaitOnTheSameActorDrainedByAnotherTaskExecutorIsEnqueued) {
  Stage stage;
  QueueOfJobs preferred;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  SpawnOptions first = stage.named("wakes it"), second = stage.named("t");
  first.executor = second.executor = place.executor();
  first.preference = &preferred;
  spawn([](this auto) -> Task<> { co_return; }(), first).run_on();
  spawn([](this auto, ActorRef<Place> place) -> Task<> { co_await place.call(&Place::visit); }(place), second).run_on();
  EXPECT_EQ(stage.manual.run(), 0u);
  int turns = 0;
  while (Job* job = preferred.jobs.pop()) {
    run_job(*job, preferred, stage.manual.runtime());
    ++turns;
  }
  EXPECT_EQ(turns, 1);  // the drain, which the calls are enqueued into
  EXPECT_EQ(stage.manual.run(), 0u);
  // To the member and back from it.
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::enqueue_preference, TraceEvent::enqueue_preference}));
}

// Two tasks of one preference on one actor: no switch.
TEST(Decision, AnAwaitOnTheSameActorOfTheSameTaskExecutorGoesOnInline) {
  Stage stage;
  QueueOfJobs preferred;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  SpawnOptions options = stage.named("t");
  options.executor = place.executor();
  options.preference = &preferred;
  spawn([](this auto, ActorRef<Place> place) -> Task<> { co_await place.call(&Place::visit); }(place), options)
      .run_on();
  while (Job* job = preferred.jobs.pop()) run_job(*job, preferred, stage.manual.runtime());
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::stay_inline, TraceEvent::stay_inline}));
}

TEST(Decision, ATaskWithAnExecutorPreferenceIsEnqueuedAndItsActorDrainsThere) {
  Stage stage;
  QueueOfJobs preferred;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  SpawnOptions options = stage.named("t");
  options.preference = &preferred;
  spawn(visit(place), options).run_on();
  EXPECT_EQ(stage.manual.run(), 0u);
  int turns = 0;
  while (Job* job = preferred.jobs.pop()) {
    run_job(*job, preferred, stage.manual.runtime());
    ++turns;
  }
  EXPECT_EQ(turns, 3);  // the start, the actor's drain, the way back
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::enqueue_preference, TraceEvent::enqueue_preference}));
}

// "No executor named" is the runtime's own pool, so naming that one changes nothing.
TEST(Decision, PreferringTheRuntimesOwnPoolIsNoPreference) {
  Decisions decisions;
  Pool pool({.threads = 1});
  ActorRef<Place> place = make_actor<Place>(pool.runtime());
  sync_wait(pool, visit(place), {.name = "t", .preference = &pool});
  EXPECT_EQ(decisions.of("t"), (std::vector{TraceEvent::hand_off, TraceEvent::hand_off}));
}

Task<> stands_on(Pool& named, Runtime& home) {
  EXPECT_GE(named.worker_index(), 0);
  EXPECT_EQ(detail::thread_state().turn->task_executor, &named);
  EXPECT_EQ(detail::thread_state().turn->runtime, &home);
  co_return;
}

TEST(Decision, ATaskThatPrefersAnotherPoolRunsThereWithItNamed) {
  Decisions decisions;
  Pool home({.threads = 1}), other({.threads = 1});
  ActorRef<Place> place = make_actor<Place>(home.runtime());
  sync_wait(home,
            [](this auto, Pool& home, Pool& other, ActorRef<Place> place) -> Task<> {
              co_await stands_on(other, home.runtime());
              auto child = async_let(stands_on(other, home.runtime()));
              co_await child;  // it comes back by a transfer, inline
              co_await yield();
              co_await stands_on(other, home.runtime());
              co_await place.call(&Place::visit);
              co_await stands_on(other, home.runtime());
              // An actor it wakes drains there too.
              co_await spawn(stands_on(other, home.runtime()), {.executor = place.executor(), .preference = &other});
            }(home, other, place),
            {.name = "t", .preference = &other});
  using enum TraceEvent;
  // The child's end; to the actor and back. The last task ends on the actor.
  EXPECT_EQ(decisions.of("t"), (std::vector{stay_inline, enqueue_preference, enqueue_preference, enqueue_preference}));
  // Who prefers nothing is at home as before.
  sync_wait(other, [](this auto, Pool& other) -> Task<> {
    EXPECT_EQ(detail::thread_state().turn->task_executor, nullptr);
    EXPECT_EQ(detail::thread_state().turn->runtime, &other.runtime());
    co_return;
  }(other));
}

TEST(Yield, OfATaskThatPrefersAnotherPoolLetsThatPoolsJobsRun) {
  Pool home({.threads = 1}), other({.threads = 1});
  bool ran = false;
  int yields = sync_wait(home,
                         [](this auto, Pool& other, bool& ran) -> Task<int> {
                           auto task = spawn(
                               [](this auto, bool& ran) -> Task<> {
                                 ran = true;
                                 co_return;
                               }(ran),
                               {.runtime = &other.runtime()});
                           int yields = 0;
                           for (; !ran && yields < 1000; ++yields) co_await yield();
                           co_await std::move(task);
                           co_return yields;
                         }(other, ran),
                         {.preference = &other});
  EXPECT_EQ(yields, 1);
}

TEST(Decision, AThreadThatIsAskedToYieldEnqueues) {
  Stage stage;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  spawn(
      [](this auto, ActorRef<Place> place) -> Task<> {
        detail::thread_state().turn->yield_requested = true;
        co_await place.call(&Place::visit);
      }(place),
      stage.named("t"))
      .run_on();
  stage.manual.run();
  // The actor's drain was not asked to yield: the way back is a hand-off.
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{TraceEvent::enqueue_yield, TraceEvent::hand_off}));
}

TEST(Decision, WhoLeavesAnActorThatHasABatchTakesOnlyItselfAlong) {
  Stage stage;
  ActorRef<Place> place = make_actor<Place>(stage.manual.runtime());
  DefaultActor* executor = place.executor().default_actor();
  ASSERT_TRUE(executor->try_enter());
  executor->park_turn();
  for (const char* name : {"first", "second"}) spawn(visit(place), stage.named(name)).run_on();
  stage.manual.run();
  executor->continue_turn();
  executor->leave();
  EXPECT_EQ(stage.manual.run(), 2u);  // one drain for both, and the first on its way back
  EXPECT_EQ(stage.decisions.of("first"), (std::vector{TraceEvent::enqueue_busy, TraceEvent::enqueue_batch}));
  EXPECT_EQ(stage.decisions.of("second"), (std::vector{TraceEvent::enqueue_busy, TraceEvent::hand_off}));
}

struct Inbox final : SerialExecutor {
  explicit Inbox(int which_room) : room(which_room) {}
  int room;
  JobList jobs;
  void enqueue(Job& job) override { jobs.push(job); }
  bool same_exclusive_context(const SerialExecutor& other) const override {
    return room == static_cast<const Inbox&>(other).room;
  }
};

TEST(Decision, ComplexExecutorsAreOneContextWhenTheySaySo) {
  Inbox a(1), b(1), c(2);
  EXPECT_FALSE(must_switch(complex_ref(a), complex_ref(b), nullptr, nullptr));
  EXPECT_TRUE(must_switch(complex_ref(a), complex_ref(c), nullptr, nullptr));
  EXPECT_TRUE(must_switch(a.ref(), b.ref(), nullptr, nullptr));  // ordinary ones are compared by identity
  EXPECT_TRUE(must_switch(complex_ref(a), b.ref(), nullptr, nullptr));
}

TEST(ExecutorRef, IsTwoWordsWithItsKindInTheLowBits) {
  Inbox custom(1);
  ManualExecutor manual;
  DefaultActor actor(manual.runtime());
  EXPECT_EQ(ExecutorRef::generic().identity(), nullptr);
  EXPECT_EQ(ExecutorRef::generic().implementation(), 0u);
  EXPECT_EQ(actor.ref().identity(), &actor);
  EXPECT_EQ(actor.ref().implementation(), 0u);
  EXPECT_EQ(custom.ref().implementation() & 3, 0b00u);
  EXPECT_NE(custom.ref().implementation(), 0u);
  EXPECT_EQ(complex_ref(custom).implementation() & 3, 0b01u);
  EXPECT_EQ(ExecutorRef::for_synchronous_start().identity(), nullptr);
  EXPECT_EQ(ExecutorRef::for_synchronous_start().implementation() & 3, 0b10u);
}

// Two actors on two executors of one room: calls between them hop nowhere, each counts as standing on either.
TEST(Decision, BetweenComplexExecutorsOfOneRoomACallGoesOnInline) {
  Stage stage;
  Inbox a(1), b(1), c(2);
  auto at = [&](Inbox& inbox) { return make_actor<Place>(complex_ref(inbox), stage.manual.runtime()); };
  ActorRef<Place> first = at(a), same_room = at(b), next_door = at(c);
  SpawnOptions options = stage.named("t");
  options.executor = first.executor();
  spawn(
      [](this auto, ActorRef<Place> same_room, ActorRef<Place> next_door) -> Task<> {
        co_await same_room.call(&Place::visit);
        co_await next_door.call(&Place::visit);
      }(same_room, next_door),
      options)
      .run_on();
  auto serve = [&](Inbox& inbox) {
    int jobs = 0;
    while (Job* job = inbox.jobs.pop()) {
      run_job(*job, complex_ref(inbox), stage.manual.runtime());
      ++jobs;
    }
    return jobs;
  };
  EXPECT_EQ(serve(a), 1);  // begins, visits the same room, asks next door
  EXPECT_EQ(serve(b), 0);
  EXPECT_EQ(serve(c), 1);
  EXPECT_EQ(serve(a), 1);
  using enum TraceEvent;
  EXPECT_EQ(stage.decisions.of("t"), (std::vector{stay_inline, stay_inline, enqueue_no_give_up, enqueue_no_give_up}));
}

}  // namespace
}  // namespace crank
