#include "crank/engine/fiber.h"

#include <gmock/gmock.h>

#include <thread>

#include "crank/engine/testing.h"

namespace crank::engine {
namespace {

using ::testing::HasSubstr;
using testing::must;
using testing::new_store;
using testing::small_engine;

constexpr std::string_view guest = R"((module $g
  (import "h" "wait" (func $wait (param i32 i64) (result i64)))
  (import "h" "tick" (func $tick))
  (import "h" "nested" (func $nested (result i32)))
  (func $deep (param $d i32) (param $x i64) (result i64)
    (if (result i64) (local.get $d)
      (then (i64.add (i64.const 1) (call $deep (i32.sub (local.get $d) (i32.const 1)) (local.get $x))))
      (else (call $wait (i32.const 3) (local.get $x)))))
  (func $work (export "work") (param i64) (result i64) (call $deep (i32.const 5) (local.get 0)))
  (func (export "spin") (param i32) (result i32) (local $sum i32)
    (loop $l (call $tick) (local.set $sum (i32.add (local.get $sum) (i32.const 2)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get $sum))
  (func (export "nest") (result i32) (call $nested))
  (func (export "inner") (result i32) (drop (call $wait (i32.const 1) (i64.const 1))) (i32.const 1))
  (func $boom (export "boom") (param i64) (result i64) (drop (call $deep (i32.const 2) (local.get 0))) unreachable)))";

struct Rig {
  std::unique_ptr<Store> store;
  Instance instance;
  Func work, spin, nest, inner, boom;
  int asked = 0;
  int resumed = 0;
  int waits = 1;  // how often `wait` waits before it answers
  std::string nested_message;

  explicit Rig(std::shared_ptr<Engine> engine, StoreOptions options = {}) {
    options.user = this;
    store = new_store(engine, options);
    Func wait = store->blocking_function(
        FuncType::of("iI", "I"),
        [](void* env, Store&, RawVal* v, bool again) noexcept -> Step {
          auto& rig = *static_cast<Rig*>(env);
          (again ? rig.resumed : rig.asked)++;
          if (rig.asked + rig.resumed <= rig.waits) return Step::wait;
          v[0].i64 = v[1].i64 * v[0].i32;
          return Step::ready;
        },
        this);
    Func tick = store->host_function(
        FuncType::of("", ""),
        [](void*, Caller* caller, RawVal*, std::size_t) noexcept -> Trap {
          Store::of(caller).engine().advance_epoch();
          return nullptr;
        },
        nullptr);
    Func nested = store->host_function(
        FuncType::of("", "i"),
        [](void* env, Caller*, RawVal* v, std::size_t) noexcept -> Trap {
          auto& rig = *static_cast<Rig*>(env);
          EXPECT_TRUE(rig.store->can_suspend());
          auto done = rig.store->call(rig.inner, v, 1);
          if (!done) rig.nested_message = done.error().message();
          v[0].i32 = done ? 1 : 0;
          return nullptr;
        },
        this);
    auto module = must(Module::compile_text(*engine, guest));
    Extern imports[] = {wait, tick, nested};
    instance = must(store->instantiate(module, imports));
    work = must(store->func(instance, "work"));
    spin = must(store->func(instance, "spin"));
    nest = must(store->func(instance, "nest"));
    inner = must(store->func(instance, "inner"));
    boom = must(store->func(instance, "boom"));
  }
};

struct FiberOnBoth : ::testing::TestWithParam<bool> {
  std::shared_ptr<Engine> engine = small_engine(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Engines, FiberOnBoth, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(FiberOnBoth, AFunctionThatNeedNotWaitIsDoneAtTheFirstPoll) {
  Rig rig(engine);
  rig.waits = 0;
  RawVal v[1] = {{.i64 = 7}};
  auto fiber = must(rig.store->start(rig.work, v, 1));
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  must(fiber->result());
  EXPECT_EQ(fiber->values()[0].i64, 26);
}

TEST_P(FiberOnBoth, ABlockingFunctionSuspendsUntilThePollAndIsAskedAgain) {
  Rig rig(engine);
  rig.waits = 3;
  RawVal v[1] = {{.i64 = 7}};
  auto fiber = must(rig.store->start(rig.work, v, 1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(fiber->poll(), Fiber::State::waiting);
    EXPECT_FALSE(rig.store->entered());
  }
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  EXPECT_EQ(fiber->values()[0].i64, 26);
  EXPECT_EQ(rig.asked, 1);
  EXPECT_EQ(rig.resumed, 3);
}

TEST_P(FiberOnBoth, EveryPollMayHappenOnAnotherThread) {
  Rig rig(engine);
  rig.waits = 5;
  RawVal v[1] = {{.i64 = 7}};
  auto fiber = must(rig.store->start(rig.work, v, 1));
  while (fiber->state() != Fiber::State::done) std::thread([&] { fiber->poll(); }).join();
  must(fiber->result());
  EXPECT_EQ(fiber->values()[0].i64, 26);
}

TEST_P(FiberOnBoth, OffAFiberAndInANestedCallBlockingIsATrapWithAReason) {
  Rig rig(engine);
  RawVal v[1] = {{.i64 = 7}};
  auto off = rig.store->call(rig.work, v);
  ASSERT_FALSE(off.has_value());
  EXPECT_THAT(off.error().message(), HasSubstr("would block"));
  rig.asked = 0;
  auto fiber = must(rig.store->start(rig.nest, {}, 1));
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  EXPECT_EQ(fiber->values()[0].i32, 0);
  EXPECT_THAT(rig.nested_message, HasSubstr("would block"));
}

TEST_P(FiberOnBoth, AnOverstayingFiberIsPreemptedAndGoesOn) {
  Rig rig(engine, {.slice = 3, .hard_limit = 4});
  RawVal v[1] = {{.i32 = 40}};
  auto fiber = must(rig.store->start(rig.spin, v, 1));
  int preempted = 0;
  while (fiber->poll() != Fiber::State::done) {
    ASSERT_EQ(fiber->state(), Fiber::State::preempted);
    ++preempted;
  }
  must(fiber->result());
  EXPECT_EQ(fiber->values()[0].i32, 80);
  EXPECT_GE(preempted, 40 / 3 - 1);
}

TEST_P(FiberOnBoth, MoreWorkIsTakenWithoutAnotherPoll) {
  Rig rig(engine, {.slice = 1000});
  RawVal v[1] = {{.i32 = 1}};
  auto fiber = must(rig.store->start(rig.spin, v, 1));
  int rounds = 0;
  fiber->user = &rounds;
  fiber->more = [](Fiber& f) noexcept {
    int& n = *static_cast<int*>(f.user);
    EXPECT_EQ(f.values()[0].i32, 2 * (n + 1));
    f.values()[0].i32 = ++n + 1;
    return n < 5;
  };
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  must(fiber->result());
  EXPECT_EQ(rounds, 5);
}

TEST_P(FiberOnBoth, AFiberThatMayNotBePreemptedIsTreatedLikeACall) {
  Rig rig(engine, {.slice = 3, .hard_limit = 9});
  RawVal v[1] = {{.i32 = 1000}};
  auto fiber = must(rig.store->start(rig.spin, v, 1));
  fiber->preemptible = false;
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  EXPECT_EQ(fiber->result().error().code(), Code::deadline);
}

TEST_P(FiberOnBoth, TrapsOnAFiberAreItsResultAndTheFiberIsReused) {
  Rig rig(engine);
  for (int i = 0; i < 20; ++i) {
    rig.asked = rig.resumed = 0;
    RawVal v[1] = {{.i64 = 7}};
    auto fiber = must(rig.store->start(rig.boom, v, 1));
    EXPECT_EQ(fiber->poll(), Fiber::State::waiting);
    EXPECT_EQ(fiber->poll(), Fiber::State::done);
    ASSERT_FALSE(fiber->result().has_value());
    EXPECT_EQ(fiber->result().error().code(), Code::trap);
    EXPECT_THAT(fiber->result().error().backtrace(), HasSubstr("g!boom"));
    EXPECT_THAT(fiber->result().error().backtrace(), ::testing::Not(HasSubstr("runner")));
  }
}

TEST_P(FiberOnBoth, DroppingASuspendedFiberLeavesTheStoreUsable) {
  Rig rig(engine, {.slice = 2});
  RawVal v[1] = {{.i64 = 7}};
  for (int i = 0; i < 10; ++i) {
    rig.asked = rig.resumed = 0;
    auto waiting = must(rig.store->start(rig.work, v, 1));
    EXPECT_EQ(waiting->poll(), Fiber::State::waiting);
    RawVal many[1] = {{.i32 = 1000}};
    auto preempted = must(rig.store->start(rig.spin, many, 1));
    EXPECT_EQ(preempted->poll(), Fiber::State::preempted);
    auto never_polled = must(rig.store->start(rig.work, v, 1));
  }
  EXPECT_FALSE(rig.store->entered());
  rig.waits = 0;
  must(rig.store->call(rig.work, v));
  EXPECT_EQ(v[0].i64, 26);
}

TEST_P(FiberOnBoth, AStoreMadeForOneFiberRefusesASecond) {
  Rig rig(engine, {.several_fibers = false});
  RawVal v[1] = {{.i64 = 7}};
  auto first = must(rig.store->start(rig.work, v, 1));
  EXPECT_EQ(first->poll(), Fiber::State::waiting);
  EXPECT_EQ(rig.store->start(rig.work, v, 1).error().code(), Code::unsupported);
  EXPECT_EQ(first->poll(), Fiber::State::done);
  auto second = must(rig.store->start(rig.work, v, 1));
}

TEST_P(FiberOnBoth, ACollectedModulesStoreRefusesASecondFiber) {
  auto store = new_store(engine);
  auto module = Module::compile_text(
      *engine, R"((module (type $s (struct (field i32))) (func (export "run") (drop (struct.new $s (i32.const 1))))))");
  if (!module) GTEST_SKIP() << module.error().to_string();
  Func run = must(store->func(must(store->instantiate(*module, {})), "run"));
  auto first = must(store->start(run, {}, 1));
  EXPECT_EQ(store->start(run, {}, 1).error().code(), Code::unsupported);
}

TEST_P(FiberOnBoth, AFiberOfAnotherStoreMayBePolledInsideAHostFunction) {
  Rig outer(engine), inner(engine);
  RawVal v[1] = {{.i64 = 7}};
  auto fiber = must(inner.store->start(inner.work, v, 1));
  struct Both {
    Fiber* fiber;
    Fiber::State seen = Fiber::State::ready;
  } both{fiber.get()};
  Func poll = outer.store->host_function(
      FuncType::of("", ""),
      [](void* env, Caller*, RawVal*, std::size_t) noexcept -> Trap {
        auto& b = *static_cast<Both*>(env);
        b.seen = b.fiber->poll();
        return nullptr;
      },
      &both);
  auto module =
      must(Module::compile_text(*engine, R"((module (import "h" "p" (func $p)) (func (export "run") (call $p))))"));
  Extern imports[] = {poll};
  Func run = must(outer.store->func(must(outer.store->instantiate(module, imports)), "run"));
  auto caller = must(outer.store->start(run, {}, 1));
  EXPECT_EQ(caller->poll(), Fiber::State::done);
  must(caller->result());
  EXPECT_EQ(both.seen, Fiber::State::waiting);
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  EXPECT_EQ(fiber->values()[0].i64, 26);
}

TEST_P(FiberOnBoth, TheTickerPreemptsAGuestThatLoopsForEver) {
  auto store = new_store(engine, {.slice = 1});
  auto module = must(Module::compile_text(*engine, R"((module (func (export "run") (loop $l (br $l)))))"));
  Func run = must(store->func(must(store->instantiate(module, {})), "run"));
  Engine::Presence present(*engine);
  auto fiber = must(store->start(run, {}, 1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fiber->poll(), Fiber::State::preempted);
}

}  // namespace
}  // namespace crank::engine
