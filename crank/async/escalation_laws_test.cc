// Laws of escalation (R10): whatever a task waits for is at least as urgent as the task, also when the raise comes in the
// middle of things, and also while the task cleans up after it was cancelled.
#include <array>
#include <atomic>
#include <optional>

#include "crank/async/async_let.h"
#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/laws.h"
#include "crank/async/spawn.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

// Tasks that stand still, whatever they are told, until they are let go.
struct Standing {
  std::array<std::optional<Continuation<>>, 4> kept;
  std::array<std::atomic<TaskRecord*>, 4> tasks{};
  Task<> stand(std::size_t number) {
    TaskRecord* self = current_task();
    co_await with_continuation([&](Continuation<> done) {
      kept[number].emplace(std::move(done));
      tasks[number] = self;
    });
  }
  bool stands(std::size_t number) const { return tasks[number].load() != nullptr; }
  Priority priority(std::size_t number) const { return tasks[number].load()->priority; }
  void let_go() {
    for (auto& one : kept)
      if (one) one->resume();
  }
};

// Waits for a task of a group, for one of a let and for one that was spawned, each of which stands.
Task<> waits_for_three(Standing& standing) {
  auto let = async_let(standing.stand(1));
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    group.spawn(standing.stand(0));
    co_await spawn(standing.stand(2), {.priority = Priority::background});
    while (co_await group.next()) {}
  });
  co_await let;
}

void expect_all_at(const Standing& standing, Priority priority) {
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(standing.priority(i) == priority);
}
bool all_stand(const Standing& standing) { return standing.stands(0) && standing.stands(1) && standing.stands(2); }

LAW(Escalation, ReachesEverythingATaskWaitsFor) {
  Standing standing;
  auto task = spawn(waits_for_three(standing), {.priority = Priority::background});
  while (!all_stand(standing)) co_await yield();
  expect_all_at(standing, Priority::background);
  task.task().escalate(Priority::utility);
  task.task().escalate(Priority::high);
  task.task().escalate(Priority::medium);
  EXPECT_TRUE(task.task().priority == Priority::high);
  while (standing.priority(2) != Priority::high) co_await yield();  // it may just have been about to be waited for
  expect_all_at(standing, Priority::high);
  standing.let_go();
  co_await std::move(task);
}

LAW(Escalation, ReachesWhatACancelledTaskStillWaitsFor) {
  Standing standing;
  auto task = spawn(waits_for_three(standing), {.priority = Priority::background});
  while (!all_stand(standing)) co_await yield();
  task.cancel();
  task.task().escalate(Priority::high);
  while (standing.priority(2) != Priority::high) co_await yield();
  expect_all_at(standing, Priority::high);
  standing.let_go();
  co_await std::move(task);
}

LAW(Escalation, ReachesWhatACancelledTaskBeginsToWaitFor) {
  Standing standing;
  auto task = spawn(
      [](this auto, Standing& standing) -> Task<> {
        current_task()->cancel();
        co_await waits_for_three(standing);
      }(standing),
      {.priority = Priority::background});
  while (!all_stand(standing)) co_await yield();
  task.task().escalate(Priority::high);
  while (standing.priority(2) != Priority::high) co_await yield();
  expect_all_at(standing, Priority::high);
  standing.let_go();
  co_await std::move(task);
}

LAW(Escalation, ReachesWhatIsWaitedForUnderAShield) {
  for (bool cancelled : {false, true}) {
    Standing standing;
    auto task = spawn(
        [](this auto, Standing& standing) -> Task<> {
          CancellationShield shield;
          co_await waits_for_three(standing);
        }(standing),
        {.priority = Priority::background});
    while (!all_stand(standing)) co_await yield();
    if (cancelled) task.cancel();
    task.task().escalate(Priority::high);
    while (standing.priority(2) != Priority::high) co_await yield();
    expect_all_at(standing, Priority::high);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_FALSE(standing.tasks[i].load()->is_cancelled());
    standing.let_go();
    co_await std::move(task);
  }
}

// What stays listed for raises does not get in the way of the handlers that are still to run.
LAW(Cancellation, RunsEveryHandlerAmongLinksOfAllKinds) {
  Standing standing;
  std::atomic<int> runs{0};
  auto task = spawn([](this auto, Standing& standing, std::atomic<int>& runs) -> Task<> {
    auto count = [&]() noexcept { ++runs; };
    auto first = on_cancel(count);
    auto let = async_let(standing.stand(0));
    auto second = on_cancel(count);
    {
      CancellationShield shield;
      auto shielded = async_let([](this auto, Standing& standing) -> Task<> {
        co_await standing.stand(1);
        EXPECT_FALSE(is_cancelled());
      }(standing));
      co_await with_group<>([&](this auto, auto& group) -> Task<> {
        group.spawn([](this auto, std::atomic<int>& runs) -> Task<> {
          co_await yield();
          runs += is_cancelled() ? 1000 : 100;
        }(runs));
        while (co_await group.next()) {}
      });
      co_await spawn(standing.stand(2));
      co_await shielded;
    }
    co_await let;
  }(standing, runs));
  while (!all_stand(standing)) co_await yield();
  task.cancel();
  EXPECT_EQ(runs.load(), 102);
  EXPECT_TRUE(standing.tasks[0].load()->is_cancelled());
  EXPECT_FALSE(standing.tasks[1].load()->is_cancelled());
  standing.let_go();
  co_await std::move(task);
}

// Who waits, and what it waits for, are raised while the one is just beginning to wait for the other.
LAW(Escalation, MeetsChildrenThatAreJustMade) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> go{false};
    auto parent = spawn(
        [](this auto, std::atomic<bool>& go) -> Task<> {
          TaskRecord* self = current_task();
          while (!go.load()) co_await yield();
          co_await with_group<>([&](this auto, auto& group) -> Task<> {
            for (int i = 0; i < 20; ++i) group.spawn([](this auto) -> Task<> { co_await yield(); }());
            auto let = async_let([](this auto) -> Task<> { co_await yield(); }());
            // Every child that lives now is as urgent as this task, as soon as a raise that is under way is through.
            while (self->priority != Priority::high) co_await yield();
            co_await let;
            while (co_await group.next()) {}
          });
        }(go),
        {.priority = Priority::background});
    go = true;
    parent.task().escalate(Priority::medium);
    co_await yield();
    parent.task().escalate(Priority::high);
    co_await std::move(parent);
  }
}

}  // namespace
}  // namespace crank
