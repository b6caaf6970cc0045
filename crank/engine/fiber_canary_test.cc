// Several suspended activations in one store break two rules of the engine's documentation (engine.md: several futures,
// and plain calls while one is live). This is the canary: random starts, resumes, traps, drops, plain calls between, and
// thread changes, every result compared with arithmetic. If an engine update breaks the ground, it breaks here first.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "crank/engine/testing.h"

namespace crank::engine {
namespace {

using testing::must;
using testing::new_store;
using testing::small_engine;

constexpr std::string_view guest = R"((module
  (import "h" "wait" (func $wait (param i32) (result i32)))
  (func (export "inc") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "div") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
  (func (export "work") (param $id i32) (param $n i32) (result i32) (local $acc i32)
    (loop $l (local.set $acc (i32.add (local.get $acc) (call $rec (i32.const 5) (local.get $id))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (local.get $acc))
  (func $rec (param $d i32) (param $id i32) (result i32)
    (if (result i32) (local.get $d)
      (then (i32.add (i32.const 1) (call $rec (i32.sub (local.get $d) (i32.const 1)) (local.get $id))))
      (else (call $wait (local.get $id)))))
  (func (export "boom") (param $id i32) (param $n i32) (result i32) (drop (call $rec (i32.const 3) (local.get $id))) unreachable)))";

void storm(bool interpreted, int switches, bool threads) {
  auto engine = small_engine(interpreted);
  auto store = new_store(engine);
  Func wait = store->blocking_function(
      FuncType::of("i", "i"),
      [](void*, Store&, RawVal* v, bool again) noexcept -> Step {
        if (!again) return Step::wait;
        v[0].i32 *= 10;
        return Step::ready;
      },
      nullptr);
  auto module = must(Module::compile_text(*engine, guest));
  Extern imports[] = {wait};
  auto instance = must(store->instantiate(module, imports));
  Func work = must(store->func(instance, "work")), boom = must(store->func(instance, "boom")),
       inc = must(store->func(instance, "inc")), div = must(store->func(instance, "div"));

  struct Live {
    FiberRef fiber;
    bool traps = false;
    int rounds = 0, left = 0;
  };
  constexpr int count = 64;
  std::vector<Live> live(count);
  std::mt19937 random(42);
  int wrong = 0, finished = 0, trapped = 0, dropped = 0;
  auto fresh = [&](int i) {
    Live& l = live[i];
    l.traps = random() % 10 == 0;
    l.rounds = l.left = l.traps ? 1 : 1 + static_cast<int>(random() % 20);
    RawVal v[2] = {{.i32 = i}, {.i32 = l.rounds}};
    l.fiber = must(store->start(l.traps ? boom : work, v, 2));
    wrong += l.fiber->poll() != Fiber::State::waiting;
  };
  auto step = [&] {
    int i = static_cast<int>(random() % count);
    Live& l = live[i];
    if (random() % 100 == 0) {
      l.fiber.reset();
      ++dropped;
      fresh(i);
      return;
    }
    RawVal v[1] = {{.i32 = 7}};
    if (random() % 5 == 0) wrong += !store->call(inc, v).has_value() || v[0].i32 != 8;
    v[0].i32 = 0;
    if (random() % 50 == 0) wrong += store->call(div, v).has_value();
    bool done = l.fiber->poll() == Fiber::State::done;
    wrong += done != (--l.left == 0);
    if (!done) return;
    if (l.traps) {
      wrong += l.fiber->result().has_value();
      ++trapped;
    } else {
      wrong += !l.fiber->result().has_value() || l.fiber->values()[0].i32 != l.rounds * (5 + 10 * i);
      ++finished;
    }
    fresh(i);
  };
  for (int i = 0; i < count; ++i) fresh(i);
  if (!threads) {
    for (int i = 0; i < switches; ++i) step();
  } else {
    for (int batch = 0; batch < switches / 100; ++batch) {
      std::thread([&] {
        for (int i = 0; i < 100; ++i) step();
      }).join();
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(finished, 0);
  EXPECT_GT(trapped, 0);
  EXPECT_GT(dropped, 0);
}

TEST(FiberCanary, ManySuspendedActivationsOfOneStoreKeepTheirState) { storm(false, 30'000, false); }
TEST(FiberCanary, TheSameWhenEveryHundredSwitchesAnotherThreadTakesOver) { storm(false, 10'000, true); }
TEST(FiberCanary, TheSameInterpreted) { storm(true, 10'000, false); }
TEST(FiberCanary, TheSameInterpretedOnChangingThreads) { storm(true, 5'000, true); }

}  // namespace
}  // namespace crank::engine
