// Laws of actors (R12): default ones, global ones, main.
#include <optional>
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/continuation.h"
#include "crank/async/global_actor.h"
#include "crank/async/group.h"
#include "crank/async/laws.h"
#include "crank/async/spawn.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

class Counter : public Actor {
 public:
  using Actor::Actor;
  Task<int> add(int n) {
    assert_isolated();
    co_return total_ += n;
  }
  Task<int> total() const { co_return total_; }

 private:
  int total_ = 0;
};

Task<int> count_on(ActorRef<Counter> counter, int times) {
  int last = 0;
  for (int i = 0; i < times; ++i) {
    last = co_await counter.call(&Counter::add, 1);
    EXPECT_TRUE(current_executor().is_generic());
  }
  co_return last;
}

LAW(Actor, CountsEveryCallOnce) {
  auto counter = make_actor<Counter>();
  std::vector<TaskHandle<int>> handles;
  for (int i = 0; i < 8; ++i) handles.push_back(spawn(count_on(counter, 200)));
  for (auto& handle : handles) co_await std::move(handle);
  EXPECT_EQ(co_await counter.call(&Counter::total), 1600);
}

class Reentrant : public Actor {
 public:
  Task<> work() {
    EXPECT_FALSE(inside_);  // between awaits nobody else is here
    inside_ = true;
    inside_ = false;
    co_await yield();
    assert_isolated();
    EXPECT_FALSE(inside_);
    inside_ = true;
    inside_ = false;
  }
  Task<> wait_at_gate() {
    co_await with_continuation([&](Continuation<> done) { gate_.emplace(std::move(done)); });
    assert_isolated();
  }
  // False: nobody waits yet.
  Task<bool> open_gate() {
    if (!gate_) co_return false;
    gate_->resume();
    co_return true;
  }

 private:
  bool inside_ = false;
  std::optional<Continuation<>> gate_;
};
LAW(Actor, IsReentrantAtAwaitsAndOnlyThere) {
  auto actor = make_actor<Reentrant>();
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 20; ++i) group.spawn(actor.call(&Reentrant::work));
    while (co_await group.next()) {}
  });
  // One call is in the middle of the actor while another is made, without which it would never end.
  auto first = spawn(actor.call(&Reentrant::wait_at_gate));
  while (!co_await actor.call(&Reentrant::open_gate)) co_await yield();
  co_await std::move(first);
}

class Keeper : public Actor {
 public:
  Task<std::vector<std::string>> look_around() {
    std::vector<std::string> seen{here()};                     // A
    seen.push_back(co_await spawn(look_from(this)));           // B: inherits
    seen.push_back(here());                                    // C
    seen.push_back(co_await spawn_detached(look_from(this)));  // D: inherits nothing
    seen.push_back(here());                                    // E
    co_return seen;
  }

 private:
  std::string here() const { return current_executor() == executor() ? "database" : "default"; }
  static Task<std::string> look_from(const Keeper* self) { co_return self->here(); }
};
LAW(FivePoints, AreDatabaseDatabaseDatabaseDefaultDatabase) {
  auto database = make_actor<Keeper>();
  EXPECT_TRUE(co_await database.call(&Keeper::look_around) ==
              (std::vector<std::string>{"database", "database", "database", "default", "database"}));
}

LAW(Actor, ATaskMayStartOnOneOrOnMain) {
  auto counter = make_actor<Counter>();
  auto says_where = [](this auto, ExecutorRef wanted) -> Task<bool> {
    bool before = current_executor() == wanted;
    co_await yield();
    co_return before&& current_executor() == wanted;
  };
  EXPECT_TRUE(co_await spawn(says_where(counter.executor()), {.executor = counter.executor()}));
  ExecutorRef main = current_runtime()->main();
  EXPECT_TRUE(co_await spawn(says_where(main), {.executor = main}));
  EXPECT_TRUE(co_await spawn_detached(says_where(main), {.executor = main}));
  EXPECT_TRUE(current_executor().is_generic());
}

// ---- global actors

struct Catalogue : GlobalActor<Catalogue> {};
struct Elsewhere : GlobalActor<Elsewhere> {};
int entries = 0;  // of the process, guarded by Catalogue alone: no lock, no atomic

Task<int> publish(int n, On<Catalogue> = {}) {
  Catalogue::assert_isolated();
  co_return entries += n;
}
Task<int> take_back(int n, On<Catalogue> = {}) {
  int before = entries;
  entries = before - n;
  co_await yield();
  Catalogue::assert_isolated();
  co_return before;
}
Task<> publish_and_take_back(int times) {
  for (int i = 0; i < times; ++i) {
    (void)co_await publish(2);
    EXPECT_TRUE(current_executor().is_generic());
    (void)co_await take_back(2);
  }
}
LAW(GlobalActor, GuardsStateThatIsThereOnce) {
  int before = co_await publish(0);
  co_await with_group<>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 8; ++i) group.spawn(publish_and_take_back(50));
    while (co_await group.next()) {}
  });
  EXPECT_EQ(co_await publish(0), before);
}

class Index : public Isolated<Catalogue> {
 public:
  Task<int> add() {
    assert_isolated();
    TaskRecord* self = current_task();
    int all = co_await publish(1);  // the same global actor: no hop
    EXPECT_EQ(current_task(), self);
    assert_isolated();
    ++added_;
    (void)co_await publish(-1);
    co_return all - all + added_;
  }

 private:
  int added_ = 0;
};
LAW(GlobalActor, IsolatesWholeClasses) {
  Index index;
  co_await with_group<int>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 20; ++i) group.spawn(index.add());
    while (co_await group.next()) {}
  });
  EXPECT_EQ(co_await index.add(), 21);
}

LAW(GlobalActor, EveryTagIsAnotherOneAndTasksStartOnThem) {
  EXPECT_FALSE(Catalogue::executor() == Elsewhere::executor());
  EXPECT_TRUE(Catalogue::executor() == Catalogue::executor());
  auto child = spawn(
      [](this auto) -> Task<> {
        Elsewhere::assert_isolated();
        (void)co_await publish(0);
        Elsewhere::assert_isolated();
      }(),
      {.executor = Elsewhere::executor()});
  co_await std::move(child);
}

Task<int> on_main(int n, On<MainActor> = {}) {
  MainActor::assert_isolated();
  co_await yield();
  MainActor::assert_isolated();
  co_return n;
}
class Screen : public Isolated<MainActor> {
 public:
  Task<int> draw() {
    assert_isolated();
    co_return ++drawn_ + co_await on_main(0);
  }

 private:
  int drawn_ = 0;
};
LAW(MainActor, IsTheMainExecutorOfTheCallersRuntime) {
  EXPECT_EQ(co_await on_main(3), 3);
  EXPECT_TRUE(current_executor().is_generic());
  Screen screen;
  co_await with_group<int>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 10; ++i) group.spawn(screen.draw());
    while (co_await group.next()) {}
  });
  EXPECT_EQ(co_await screen.draw(), 11);
  EXPECT_EQ(co_await spawn(on_main(4)), 4);
}

}  // namespace
}  // namespace crank
