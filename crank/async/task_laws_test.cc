// Laws of tasks and continuations: R1, R6, R7, R11.
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>
#if !defined(__wasm__)
#include <thread>
#endif
#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/backtrace.h"
#include "crank/async/continuation.h"
#include "crank/async/frame_pool.h"
#include "crank/async/group.h"
#include "crank/async/laws.h"
#include "crank/async/laws_bodies.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/task_local.h"
#include "crank/async/yield.h"
#include "crank/base/result.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

// ---- R1

Task<int> half(int n) { co_return n / 2; }
Task<int> quarter(int n) { co_return co_await half(co_await half(n)); }
LAW(Task, AnAwaitGivesTheResultOfTheCall) { EXPECT_EQ(co_await quarter(8), 2); }

Task<long> down(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await down(depth - 1);
}
LAW(Frames, ADeepRecursionOfReadyAwaitsKeepsTheStackFlat) {
#if defined(__OPTIMIZE__)
  EXPECT_EQ(co_await down(50'000), 50'000);
#else
  EXPECT_EQ(co_await down(1'000), 1'000);  // shorter only for time
#endif
}

Task<> stays_itself() {
  TaskRecord* self = current_task();
  ExecutorRef here = current_executor();
  Runtime* runtime = current_runtime();
  for (int i = 0; i < 20; ++i) {
    if (i % 5 == 0)
      EXPECT_TRUE(co_await sleep_for(std::chrono::microseconds(100)) == SleepOutcome::elapsed);
    else
      co_await yield();
    EXPECT_EQ(current_task(), self);
    EXPECT_TRUE(current_executor() == here);
    EXPECT_EQ(current_runtime(), runtime);
  }
}
LAW(Task, KeepsItselfAndItsExecutorWhenItMovesBetweenThreads) {
  struct Place : Actor {};
  auto place = make_actor<Place>();
  auto generic = spawn(stays_itself());
  auto on_actor = spawn(stays_itself(), {.executor = place.executor()});
  auto on_main = spawn(stays_itself(), {.executor = current_runtime()->main()});
  co_await std::move(generic);
  co_await std::move(on_actor);
  co_await std::move(on_main);
}

LAW(Task, HasAnIdOfItsOwnANameAndAParent) {
  auto named = spawn(
      [](this auto) -> Task<std::uint64_t> {
        EXPECT_STREQ(current_task()->name(), "the named one");
        EXPECT_EQ(current_task()->parent, nullptr);
        co_return current_task()->id();
      }(),
      {.name = "the named one"});
  TaskRecord* self = current_task();
  auto child = async_let([](this auto, TaskRecord* parent) -> Task<std::uint64_t> {
    EXPECT_EQ(current_task()->parent, parent);
    co_return current_task()->id();
  }(self));
  std::uint64_t first = co_await std::move(named), second = co_await child;
  EXPECT_NE(first, second);
  EXPECT_NE(first, self->id());
}

Task<> is_called(const char* name, Priority priority) {
  co_await yield();
  EXPECT_STREQ(current_task()->name(), name);
  EXPECT_TRUE(current_task()->priority == priority);
}
LAW(Task, AChildMayHaveANameAndAPriorityOfItsOwn) {
  const Priority mine = current_task()->priority;
  auto let = async_let(is_called("let", Priority::high), {.name = "let", .priority = Priority::high});
  auto plain = async_let(is_called("", mine));
  auto named = async_let(is_called("named", mine), {.name = "named"});
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    group.spawn(is_called("child", mine), {.name = "child"});
    group.spawn(is_called("", Priority::high), {.priority = Priority::high});
    group.spawn(is_called("less", mine), {.name = "less", .priority = Priority::background});
    group.spawn(is_called("", mine));
    group.spawn(is_called("dropped", mine), {.name = "dropped"});
    for (int i = 0; i < 4; ++i) (void)co_await group.next();
  });
  co_await with_discarding_group([&](this auto, DiscardingGroup& group) -> Task<> {
    group.spawn(is_called("discarded", Priority::high), {.name = "discarded", .priority = Priority::high});
    co_return;
  });
  co_await let;
  co_await plain;
  co_await named;
}

LAW(Task, TheHandleOfOneThatEndedStillHasItsResult) {
  auto handle = spawn(half(6));
  while (!handle.is_done()) co_await yield();
  EXPECT_EQ(co_await std::move(handle), 3);
}

Task<> innermost(std::vector<AsyncFrame>* out) { *out = co_await backtrace_here(); }
Task<> middle(std::vector<AsyncFrame>* out) { co_await innermost(out); }
LAW(Backtrace, WalksTheFramesOfItsTaskInnermostFirst) {
  std::vector<AsyncFrame> frames;
  co_await middle(&frames);
  EXPECT_EQ(frames.size(), 3u);
  std::string text = to_string(frames);
  EXPECT_LT(text.find("innermost"), text.find("middle"));
  EXPECT_NE(text.find("task_laws_test.cc:"), std::string::npos);
}

// ---- R6

Task<> resume_it(Continuation<int> done) {
  done.resume(1);
  co_return;
}
LAW(Continuation, BothOrdersOfTheRaceDeliverOnce) {
  for (int i = 0; i < 100; ++i) {
    std::optional<TaskHandle<>> helper;
    int value = co_await with_continuation<int>(
        [&](Continuation<int> done) { helper.emplace(spawn(resume_it(std::move(done)))); });
    EXPECT_EQ(value, 1);
    co_await std::move(*helper);
  }
}

LAW(Continuation, CarriesValuesErrorsAndResults) {
  using Answer = Result<int>;
  auto value = co_await with_continuation<Answer>([](Continuation<Answer> done) { done.resume(4); });
  EXPECT_TRUE(value && *value == 4);
  auto error =
      co_await with_continuation<Answer>([](Continuation<Answer> done) { done.fail(Error(Code::io, "gone")); });
  EXPECT_TRUE(!error && error.error().message() == "gone");
  auto result = co_await with_continuation<Answer>(
      [](Continuation<Answer> done) { done.resume(Answer(fail(Code::io, "whole"))); });
  EXPECT_TRUE(!result && result.error().message() == "whole");
  auto unsafe = co_await with_unsafe_continuation<Answer>([](auto done) { done.fail(Error(Code::io, "unchecked")); });
  EXPECT_TRUE(!unsafe && unsafe.error().message() == "unchecked");
  EXPECT_EQ(co_await with_unsafe_continuation<int>([](UnsafeContinuation<int> done) { done.resume(5); }), 5);
  co_await with_unsafe_continuation([](UnsafeContinuation<> done) { done.resume(); });
}

// Libraries take callbacks as values, some of which must be copyable.
void calls_back(std::function<void(int)> callback) { callback(7); }
template <class Callback>
void calls_back_generic(Callback callback) {
  callback(8);
}
LAW(Continuation, IsItselfACallback) {
  EXPECT_EQ(co_await with_continuation<int>([](auto done) { calls_back_generic(std::move(done)); }), 8);
  EXPECT_EQ(co_await with_continuation<int>([](auto done) { calls_back(std::move(done).copyable()); }), 7);
  co_await with_continuation([](auto done) { [](auto callback) { callback(); }(std::move(done)); });
}

LAW(Continuation, GoesOnAtAnExecutorThatWasNamed) {
  DefaultActor other(*current_runtime());
  {
    auto visit = spawn([&](this auto) -> Task<> {
      co_await with_continuation([](Continuation<> done) { done.resume(); }, other.ref());
      EXPECT_TRUE(other.is_current());
    }());
    co_await std::move(visit);
  }
  while (other.held()) co_await yield();
}

LAW(Continuation, ResumedOnItsOwnExecutorItGoesOnAfterTheResumerHasFinishedItsTurn) {
  struct Place : Actor {};
  auto place = make_actor<Place>();
  std::vector<int> order;
  std::optional<Continuation<>> kept;
  auto waiter = spawn(
      [&](this auto) -> Task<> {
        co_await with_continuation([&](Continuation<> done) { kept.emplace(std::move(done)); });
        order.push_back(2);
      }(),
      {.executor = place.executor()});
  auto resumer = spawn(
      [&](this auto) -> Task<> {
        while (!kept) co_await yield();
        kept->resume();
        order.push_back(1);
      }(),
      {.executor = place.executor()});
  co_await std::move(waiter);
  co_await std::move(resumer);
  EXPECT_TRUE(order == (std::vector<int>{1, 2}));
}

// ---- R7

const TaskLocal<int> request;
Task<int> read_request() { co_return request.get_or(0); }
LAW(TaskLocals, TravelToCallsAndChildrenAreCopiedBySpawnAndNotByDetached) {
  LocalScope scope(request, 7);
  EXPECT_EQ(co_await read_request(), 7);
  auto child = async_let(read_request());
  EXPECT_EQ(co_await child, 7);
  auto spawned = spawn(read_request());
  auto detached = spawn_detached(read_request());
  {
    LocalScope inner(request, 8);
    EXPECT_EQ(co_await read_request(), 8);
    auto nested = async_let(read_request());
    EXPECT_EQ(co_await nested, 8);
  }
  EXPECT_EQ(co_await read_request(), 7);
  EXPECT_EQ(co_await std::move(spawned), 7);
  EXPECT_EQ(co_await std::move(detached), 0);
}

Task<Priority> my_priority() { co_return current_task()->priority; }
LAW(Priorities, AreInheritedByChildrenAndSpawnedTasks) {
  auto high = spawn(
      [](this auto) -> Task<> {
        EXPECT_TRUE(co_await spawn(my_priority()) == Priority::high);
        auto child = async_let(my_priority());
        EXPECT_TRUE(co_await child == Priority::high);
        // Awaited by a high one, so raised if it is still waiting: at least medium, never below.
        EXPECT_TRUE(co_await spawn_detached(my_priority()) >= Priority::medium);
      }(),
      {.priority = Priority::high});
  co_await std::move(high);
}

Task<Priority> priority_once_released(std::optional<Continuation<>>& hold, std::atomic<TaskRecord*>& held) {
  TaskRecord* self = current_task();
  co_await with_continuation([&](Continuation<> done) {
    hold.emplace(std::move(done));
    held = self;
  });
  co_return current_task()->priority;
}
LAW(Priorities, WhoIsWaitedForIsRaisedDownToItsLastChild) {
  std::optional<Continuation<>> hold;
  std::atomic<TaskRecord*> held{nullptr};
  auto low = spawn(
      [&](this auto) -> Task<Priority> {
        co_return co_await with_group<Priority>([&](this auto, auto& group) -> Task<Priority> {
          group.spawn([](this auto, auto& hold, auto& held) -> Task<Priority> {
            auto child = async_let(priority_once_released(hold, held));
            co_return co_await child;
          }(hold, held));
          co_return *co_await group.next();
        });
      }(),
      {.priority = Priority::background});
  while (!held) co_await yield();
  auto high =
      spawn([&](this auto) -> Task<Priority> { co_return co_await std::move(low); }(), {.priority = Priority::high});
  // It arrives from the top, link by link, while the leaf is suspended.
  while (held.load()->priority != Priority::high) co_await yield();
  hold->resume();
  EXPECT_TRUE(co_await std::move(high) == Priority::high);
}

LAW(SpawnImmediate, RunsAtOnceUntilItSuspends) {
  std::vector<int> order;
  auto handle = spawn_immediate([](this auto, std::vector<int>* order) -> Task<> {
    order->push_back(1);
    EXPECT_TRUE(current_executor().is_immediate());
    (void)co_await sleep_for(1ms);
    EXPECT_TRUE(current_executor().is_generic());
  }(&order));
  order.push_back(2);
  EXPECT_TRUE(current_executor() == ExecutorRef::generic());
  co_await std::move(handle);
  EXPECT_TRUE(order == (std::vector<int>{1, 2}));
}

// Whether code runs on the stack of whoever made this, before that has gone on.
class StackOf {
 public:
  bool here() const { return &detail::thread_state() == thread_ && !left_.load(); }
  void leave() { left_ = true; }

 private:
  const void* thread_ = &detail::thread_state();
  std::atomic<bool> left_{false};
};
class Visited : public Actor {
 public:
  using Actor::Actor;
  Task<> visit(StackOf* stack) {
    EXPECT_FALSE(stack->here());
    ++visits;
    co_return;
  }
  int visits = 0;
};

LAW(SpawnImmediate, ForAnExecutorItDoesNotStandOnIsEnqueued) {
  auto place = make_actor<Visited>();
  for (ExecutorRef there : {place.executor(), current_runtime()->main()}) {
    StackOf stack;
    auto handle = spawn_immediate(
        [](this auto, StackOf& stack, ExecutorRef there) -> Task<> {
          EXPECT_FALSE(stack.here());
          EXPECT_TRUE(current_executor() == there);
          co_return;
        }(stack, there),
        {.executor = there});
    stack.leave();
    co_await std::move(handle);
  }
}

LAW(SpawnImmediate, NeverGivesAwayTheThreadOfItsStarter) {
  auto place = make_actor<Visited>();
  StackOf stack;
  // The actor is idle: from generic code the thread would be handed over.
  auto handle = spawn_immediate([](this auto, StackOf& stack, ActorRef<Visited> place) -> Task<> {
    EXPECT_TRUE(stack.here());
    co_await place.call(&Visited::visit, &stack);
    EXPECT_TRUE(current_executor().is_generic());
  }(stack, place));
  stack.leave();
  co_await std::move(handle);
}

LAW(SpawnImmediate, OnAnActorRunsOnItAndLeavesItToItsStarter) {
  auto home = make_actor<Visited>(), other = make_actor<Visited>();
  co_await spawn(
      [](this auto, ActorRef<Visited> other, ExecutorRef home) -> Task<> {
        StackOf stack;
        auto handle =
            spawn_immediate([](this auto, StackOf& stack, ActorRef<Visited> other, ExecutorRef home) -> Task<> {
              EXPECT_TRUE(stack.here());
              EXPECT_TRUE(current_executor() == home);
              co_await other.call(&Visited::visit, &stack);
              EXPECT_FALSE(stack.here());
              EXPECT_TRUE(current_executor() == home);
            }(stack, other, home));
        EXPECT_TRUE(current_executor() == home);
        stack.leave();
        co_await std::move(handle);
        EXPECT_TRUE(current_executor() == home);
      }(other, home.executor()),
      {.executor = home.executor()});
}

// Passes on to the runtime it stands on.
struct Forwards final : TaskExecutor {
  Runtime& runtime = *current_runtime();
  void enqueue(Job& job) override { runtime.hooks().enqueue_global(runtime.hooks().context, job); }
};
Task<TaskExecutor*> my_preference() { co_return current_task()->preference; }
LAW(Task, ChildrenInheritTheExecutorPreferenceAndSpawnedTasksDoNot) {
  Forwards preferred;
  co_await spawn(
      [](this auto, TaskExecutor* preferred) -> Task<> {
        EXPECT_TRUE(co_await my_preference() == preferred);
        auto child = async_let(my_preference());
        EXPECT_TRUE(co_await child == preferred);
        EXPECT_TRUE(co_await with_group<TaskExecutor*>([](this auto, auto& group) -> Task<bool> {
          auto expected = current_task()->preference;
          group.spawn(my_preference());
          co_return *co_await group.next() == expected;
        }));
        EXPECT_TRUE(co_await spawn(my_preference()) == nullptr);
        EXPECT_TRUE(co_await spawn_detached(my_preference()) == nullptr);
        EXPECT_TRUE(co_await spawn(my_preference(), {.preference = preferred}) == preferred);
      }(&preferred),
      {.preference = &preferred});
}

struct Fixed {
  const int value;
};
Task<Fixed> fixed(int n) { co_return Fixed{n}; }
LAW(Task, ASmallResultNeedsNoAssignment) { EXPECT_TRUE((co_await fixed(3)).value == 3); }

// ---- R11

// Changes with every frame that is allocated on this thread; under AddressSanitizer every frame comes from the system.
std::size_t frames_taken() {
  if (!detail::frames_are_pooled) return frame_refills();
  std::size_t all = 0;
  for (unsigned held : detail::the_frame_pool.held) all += held;
  return all;
}
Task<std::size_t> frames_taken_inside(int unused) {
  (void)unused;
  co_return frames_taken();
}
// A list of a single block, which others left, would leave the count as it was.
void fill_the_lists() {
  for (std::size_t size = 32; size <= 512; size += detail::frame_granule) {
    void *one = detail::frame_allocate(size), *other = detail::frame_allocate(size);
    detail::frame_free(one, size);
    detail::frame_free(other, size);
  }
}
LAW(Frames, AnElidedPairAllocatesOneFrame) {
  fill_the_lists();
  std::size_t before = frames_taken();
  std::size_t inside = co_await frames_taken_inside(1);
#if defined(__OPTIMIZE__)
  EXPECT_EQ(inside, before);
#else
  EXPECT_NE(inside, before);  // and the count does count
#endif
  auto on_its_own = frames_taken_inside(1);
  EXPECT_NE(co_await std::move(on_its_own), before);
}

#if !defined(__wasm__)
// On one thread at a time, since the pools are the threads'.
LAW(Frames, AWarmLoopGivesTheRightAnswerEverywhere) { EXPECT_EQ(co_await laws::warm_round(), 400); }
#else
LAW(Frames, AWarmLoopAsksTheSystemForNoMemory) {
  EXPECT_EQ(co_await laws::warm_round(), 400);
  auto before = frame_refills();
  EXPECT_EQ(co_await laws::warm_round(), 400);
  EXPECT_EQ(frame_refills(), before);
}
#endif

}  // namespace
}  // namespace crank
