// What of escalation is no law to be run everywhere: raises that cross each other, and how deep a tree may be.
#include "crank/async/escalation_wave.h"

#include <gtest/gtest.h>

#include <pthread.h>

#include <array>
#include <atomic>
#include <functional>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "crank/async/async_let.h"
#include "crank/async/cancellation.h"
#include "crank/async/default_actor.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/pool.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/sync_wait.h"
#include "crank/async/trace.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

// Runs both at the same moment, as nearly as two threads can.
class Pair {
 public:
  explicit Pair(std::function<void(int)> other) : other_(std::move(other)), thread_([this] { serve(); }) {}
  ~Pair() {
    round_.store(the_end);
    thread_.join();
  }
  void together(int round, const std::function<void()>& mine) {
    round_.store(round);
    until([&] { return ready_.load() == round; });
    go_.store(round);
    mine();
    until([&] { return done_.load() == round; });
  }

 private:
  static constexpr int the_end = std::numeric_limits<int>::min();
  template <class Condition>
  static void until(Condition condition) {
    for (int looks = 0; !condition(); ++looks)
      if (looks > 5'000) std::this_thread::yield();
  }
  void serve() {
    for (int round = 0;;) {
      until([&] { return round_.load() != round; });
      round = round_.load();
      if (round == the_end) return;
      ready_.store(round);
      until([&] { return go_.load() == round; });
      other_(round);
      done_.store(round);
    }
  }
  std::function<void(int)> other_;
  std::atomic<int> round_{0}, ready_{0}, go_{0}, done_{0};
  std::thread thread_;
};

TEST(JobPriority, OfRaisesThatCrossTheHighestStays) {
  JobPriority priority = Priority::background;
  int raised = 0;
  Pair pair([&](int) { (void)priority.raise_to(Priority::medium); });
  for (int round = 1; round <= 500; ++round) {
    priority = Priority::background;
    pair.together(round, [&] { raised += priority.raise_to(Priority::high); });
    ASSERT_EQ(priority, Priority::high);
  }
  EXPECT_EQ(raised, 500);
}

// An actor's drain that waits in a queue is as urgent as the most urgent job of the actor, whoever comes when.
struct Drains {
  Job* waiting = nullptr;
  Runtime runtime{{.context = this,
                   .enqueue_global = [](void* self, Job& job) noexcept { static_cast<Drains*>(self)->waiting = &job; },
                   .enqueue_delayed = [](void*, Job&, Instant) noexcept {},
                   .enqueue_main = [](void*, Job&) noexcept {}}};
  void run() {
    while (waiting) run_job(*std::exchange(waiting, nullptr), ExecutorRef::generic(), runtime);
  }
};
void nothing(Job*) noexcept {}

TEST(Priorities, OfJobsThatRaiseADrainTogetherTheHighestStays) {
  Drains drains;
  DefaultActor actor(drains.runtime);
  Job low(nothing, Priority::background), medium(nothing, Priority::medium), high(nothing, Priority::high);
  Pair pair([&](int) { actor.enqueue(medium); });
  for (int round = 1; round <= 1'000; ++round) {
    actor.enqueue(low);
    ASSERT_EQ(drains.waiting->priority, Priority::background);
    pair.together(round, [&] { actor.enqueue(high); });
    ASSERT_EQ(drains.waiting->priority, Priority::high) << "round " << round;
    drains.run();
  }
}

TEST(Priorities, AJobThatComesAsAnActorIsPassedToItsDrainRaisesIt) {
  Drains drains;
  DefaultActor actor(drains.runtime);
  Job low(nothing, Priority::background), high(nothing, Priority::high);
  Pair pair([&](int round) {
    for (int i = 0; i < round % 64; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    actor.enqueue(high);
  });
  for (int round = 1; round <= 1'000; ++round) {
    ASSERT_TRUE(actor.try_enter());
    actor.enqueue(low);
    pair.together(round, [&] { actor.leave(); });
    ASSERT_EQ(drains.waiting->priority, Priority::high) << "round " << round;
    drains.run();
    // And one that wakes it while another comes.
    pair.together(-1 - round, [&] { actor.enqueue(low); });
    ASSERT_EQ(drains.waiting->priority, Priority::high) << "round " << round;
    drains.run();
  }
}

Task<> stands(TaskRecord*& self) {
  struct Stand : detail::Awaiter {
    TaskRecord*& self;
    explicit Stand(TaskRecord*& task) : self(task) {}
    bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> here) noexcept { self = &detail::suspend_current(here); }
    void await_resume() noexcept {}
  };
  co_await Stand(self);
}

// Escalates a task at the moment when another trace point is passed.
struct RaiseAt {
  TraceEvent event;
  std::function<void()> raise;
  TraceSink sink{[](void* context, const TraceRecord& record) noexcept {
                   auto& self = *static_cast<RaiseAt*>(context);
                   if (record.event != self.event) return;
                   install_trace(nullptr);
                   self.raise();
                 },
                 this};
};

// Raised in the very moment when it begins to wait: before what it waits for is listed as waited for.
TEST(Escalation, OfATaskThatJustBeginsToWaitReachesWhatItWaitsFor) {
  ManualExecutor manual;
  TaskRecord* standing = nullptr;
  auto target = spawn(stands(standing), {.priority = Priority::background, .runtime = &manual.runtime()});
  manual.run();
  auto waiting = spawn([](this auto, auto& target) -> Task<> { co_await std::move(target); }(target),
                       {.priority = Priority::utility, .runtime = &manual.runtime()});
  RaiseAt at{TraceEvent::escalated, [&] { waiting.task().escalate(Priority::high); }};
  install_trace(&at.sink);
  manual.run();
  install_trace(nullptr);
  EXPECT_EQ(waiting.task().priority, Priority::high);
  EXPECT_EQ(standing->priority, Priority::high);
  detail::resume_later(*standing);
  manual.run();
  EXPECT_TRUE(waiting.is_done());
}

// A raise and the making of children, on two threads: whichever comes first, the child is raised.
constexpr std::size_t made_at_once = 32;
using Children = std::array<TaskRecord*, made_at_once>;
template <class Make>
void raise_while_making(Make make) {
  Pool pool({.threads = 1});  // which prepares the fences
  ManualExecutor manual;
  std::atomic<TaskRecord*> parent{nullptr};
  Pair pair([&](int round) {
    for (int i = 0; i < 20 * (round % 64); ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    parent.load()->escalate(Priority::high);
  });
  for (int round = 1; round <= 300; ++round) {
    Children children{};
    auto task = spawn(make(pair, round, children), {.priority = Priority::background, .runtime = &manual.runtime()});
    parent = &task.task();
    manual.run();
    for (TaskRecord* child : children) ASSERT_EQ(child->priority, Priority::high) << "round " << round;
    for (TaskRecord* child : children) detail::resume_later(*child);
    manual.run();
    ASSERT_TRUE(task.is_done());
  }
}

TEST(Escalation, WhileAGroupsChildrenAreMadeReachesThem) {
  raise_while_making([](Pair& pair, int round, Children& children) -> Task<> {
    co_await with_group<>([&](this auto, auto& group) -> Task<> {
      pair.together(round, [&] {
        for (TaskRecord*& child : children) group.spawn(stands(child));
      });
      while (co_await group.next()) {}
    });
  });
}

// The same with the group's list closed by a canceller while the child is made: so the child has its parent's earlier
// priority when it and the raise come to the list, in either order.
struct Meeting {
  TaskRecord *parent = nullptr, *sibling = nullptr, *child = nullptr;
  std::atomic<int> step{0};  // 1: the list is closed; 2: the child is being made; 3: the parent is being raised
  void wait_for(int that) const {
    while (step < that) std::this_thread::yield();
  }
  static void a_moment() { std::this_thread::sleep_for(20us); }

  Task<> first_child() {
    auto stop = on_cancel([this]() noexcept {
      step = 1;
      wait_for(2);
      a_moment();
      step = 3;
      while (parent->priority != Priority::high) std::this_thread::yield();
      a_moment();
    });
    co_await stands(sibling);
  }
  Task<> parent_body() {
    parent = current_task();
    co_await with_group<>([this](this auto, auto& group) -> Task<> {
      group.spawn(first_child());
      while (!sibling) co_await yield();
      std::thread canceller([&] { group.cancel(); });
      std::thread raiser([this] {
        wait_for(3);
        parent->escalate(Priority::high);
      });
      wait_for(1);
      step = 2;
      group.spawn(stands(child));
      canceller.join();
      raiser.join();
      while (co_await group.next()) {}
    });
  }
};
TEST(Escalation, OfAGroupMeetsAChildThatIsMadeBesideACanceller) {
  Pool pool({.threads = 1});
  ManualExecutor manual;
  for (int round = 0; round < 100; ++round) {
    Meeting meeting;
    auto task = spawn(meeting.parent_body(), {.priority = Priority::background, .runtime = &manual.runtime()});
    manual.run();
    ASSERT_EQ(meeting.child->priority, Priority::high) << "round " << round;
    detail::resume_later(*meeting.sibling);
    detail::resume_later(*meeting.child);
    manual.run();
    ASSERT_TRUE(task.is_done());
  }
}

TEST(Escalation, WhileLetsAreMadeReachesThem) {
  raise_while_making([](Pair& pair, int round, Children& children) -> Task<> {
    std::array<std::optional<AsyncLet<>>, made_at_once> lets;
    pair.together(round, [&] {
      for (std::size_t i = 0; i < made_at_once; ++i)
        lets[i].emplace(stands(children[i]), std::source_location::current());
    });
    for (auto& let : lets) co_await *let;
  });
}

Task<> chain_of(int length) {
  if (length == 0) {
    (void)co_await sleep_for(1h);
    co_return;
  }
  auto next = async_let(chain_of(length - 1));
  co_await next;
}
Task<> chain_of_handles(int length, TaskRecord*& last) {
  if (length == 0) co_return co_await stands(last);
  co_await spawn(chain_of_handles(length - 1, last));
}

// On a thread whose stack is small, so that a few words for each task would be too many.
void on_a_small_stack(std::function<void()> run) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 512 * 1024), 0);
  pthread_t thread;
  auto body = [](void* run) -> void* {
    (*static_cast<std::function<void()>*>(run))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, &run), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}
TEST(Escalation, TheDepthOfATreeCostsNoStack) {
  ManualExecutor manual;
  auto lets = spawn(chain_of(100'000), {.priority = Priority::background, .runtime = &manual.runtime()});
  TaskRecord* last = nullptr;
  auto handles =
      spawn(chain_of_handles(100'000, last), {.priority = Priority::background, .runtime = &manual.runtime()});
  manual.run();
  on_a_small_stack([&] {
    lets.task().escalate(Priority::high);
    handles.task().escalate(Priority::high);
  });
  EXPECT_EQ(last->priority, Priority::high);
  lets.cancel();
  detail::resume_later(*last);
  manual.run();
  EXPECT_TRUE(lets.is_done());
  EXPECT_TRUE(handles.is_done());
}

// A wave that cancels holds lists closed while it runs a handler: a raise from there might wait for them.
TEST(Escalation, FromACancellationHandlerIsABugWithAName) {
  ManualExecutor manual;
  auto other = spawn(chain_of(0), {.priority = Priority::background, .runtime = &manual.runtime()});
  EXPECT_DEATH(manual.run([](this auto, TaskRecord& other) -> Task<> {
    auto stop = on_cancel([&]() noexcept { other.escalate(Priority::high); });
    current_task()->cancel();
    co_return;
  }(other.task())),
               "a cancellation handler escalated a task");
  other.cancel();
  manual.run();
}

// Trees that are raised, cancelled and ending, all at once; what is looked at must not go meanwhile.
Task<int> tree(int depth) {
  if (depth == 0) {
    co_await yield();
    co_return 1;
  }
  auto let = async_let(tree(depth - 1));
  int spawned = co_await spawn(tree(depth - 1), {.priority = Priority::background});
  int sum = co_await with_group<int>([&](this auto, auto& group) -> Task<int> {
    for (int i = 0; i < 3; ++i) group.spawn(tree(depth - 1));
    int sum = 0;
    while (auto one = co_await group.next()) sum += *one;
    co_return sum;
  });
  co_return sum + spawned + co_await let;
}
void raise_trees_that_end(Pool& pool) {
  for (int round = 0; round < 100; ++round) {
    int leaves = sync_wait(pool, [](this auto, int round) -> Task<int> {
      auto whole = spawn(tree(3), {.priority = Priority::background});
      auto raise = [](this auto, TaskRecord& task, Priority least, int yields) -> Task<> {
        for (int i = 0; i < yields; ++i) co_await yield();
        task.escalate(least);
      };
      co_await with_group<>([&](this auto, auto& group) -> Task<> {
        for (int i = 0; i < 3; ++i) {
          group.spawn(raise(whole.task(), Priority::utility, 3 * i));
          group.spawn(raise(whole.task(), Priority::medium, 5 * i));
          group.spawn(raise(whole.task(), Priority::high, 7 * i));
        }
        if (round % 2) whole.cancel();
        while (co_await group.next()) {}
      });
      co_return co_await std::move(whole);
    }(round));
    ASSERT_EQ(leaves, 125);
  }
}
TEST(Escalation, OfTreesThatEndMeanwhileTouchesNothingThatIsGone) {
  Pool pool({.threads = 4});
  raise_trees_that_end(pool);
}
TEST(Escalation, OfTreesThatEndMeanwhileNeedsNoAsymmetricFences) {
  Pool pool({.threads = 4});
  detail::refuse_asymmetric_fences(true);
  raise_trees_that_end(pool);
  detail::refuse_asymmetric_fences(false);
}

}  // namespace
}  // namespace crank
