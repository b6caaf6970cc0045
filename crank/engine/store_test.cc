#include "crank/engine/store.h"

#include <gmock/gmock.h>

#include "crank/engine/testing.h"

namespace crank::engine {
namespace {

using ::testing::HasSubstr;
using testing::must;
using testing::new_store;
using testing::small_engine;

struct OnBoth : ::testing::TestWithParam<bool> {
  std::shared_ptr<Engine> engine = small_engine(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Engines, OnBoth, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(OnBoth, AHostFunctionSeesArgumentsAndGivesResults) {
  auto store = new_store(engine);
  Func add = store->host_function(
      FuncType::of("iI", "I"),
      [](void* env, Caller*, RawVal* v, std::size_t n) noexcept -> Trap {
        *static_cast<std::size_t*>(env) = n;
        v[0].i64 = v[0].i32 + v[1].i64;
        return nullptr;
      },
      store.get());
  std::size_t slots = 0;
  add = store->host_function(
      FuncType::of("iI", "I"),
      [](void* env, Caller*, RawVal* v, std::size_t n) noexcept -> Trap {
        *static_cast<std::size_t*>(env) = n;
        v[0].i64 = v[0].i32 + v[1].i64;
        return nullptr;
      },
      &slots);
  auto module =
      must(Module::compile_text(*engine, R"((module (import "h" "add" (func $add (param i32 i64) (result i64)))
    (func (export "run") (param i32 i64) (result i64) (call $add (local.get 0) (local.get 1)))))"));
  Extern imports[] = {add};
  auto instance = must(store->instantiate(module, imports));
  RawVal v[2] = {{.i32 = -2}, {.i64 = std::int64_t{1} << 40}};
  must(store->call(must(store->func(instance, "run")), v));
  EXPECT_EQ(v[0].i64, (std::int64_t{1} << 40) - 2);
  EXPECT_EQ(slots, 2u);
}

TEST_P(OnBoth, ATrapIsAnErrorWithTheGuestsFrames) {
  auto store = new_store(engine);
  auto module = must(Module::compile_text(
      *engine, R"((module $mill (func $inner unreachable) (func $outer (export "run") (call $inner))))"));
  auto instance = must(store->instantiate(module, {}));
  RawVal v[1];
  auto result = store->call(must(store->func(instance, "run")), v);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::trap);
  EXPECT_THAT(result.error().message(), HasSubstr("unreachable"));
  EXPECT_THAT(result.error().message(), ::testing::Not(HasSubstr("backtrace")));
  EXPECT_THAT(result.error().backtrace(), HasSubstr("mill!inner"));
  EXPECT_THAT(result.error().backtrace(), HasSubstr("mill!outer"));
  EXPECT_FALSE(store->entered());
}

TEST_P(OnBoth, AHostFunctionsErrorComesOutOfTheCallUnchanged) {
  auto store = new_store(engine);
  Func refuse = store->host_function(
      FuncType::of("", ""),
      [](void*, Caller* caller, RawVal*, std::size_t) noexcept -> Trap {
        return Store::of(caller).raise(Error(Code::limit, "the queue is full"));
      },
      nullptr);
  auto module = must(
      Module::compile_text(*engine, R"((module $m (import "h" "f" (func $f)) (func $go (export "run") (call $f))))"));
  Extern imports[] = {refuse};
  auto instance = must(store->instantiate(module, imports));
  RawVal v[1];
  for (int i = 0; i < 3; ++i) {
    auto result = store->call(must(store->func(instance, "run")), v);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), Code::limit);
    EXPECT_EQ(result.error().message(), "the queue is full");
    EXPECT_THAT(result.error().backtrace(), HasSubstr("m!go"));
  }
}

TEST_P(OnBoth, AHostFunctionMayReenterTheSameStore) {
  auto store = new_store(engine);
  struct State {
    Store* store;
    Func realloc;
    std::uint32_t got = 0;
  } state{store.get(), {}};
  Func fill = store->host_function(
      FuncType::of("i", "i"),
      [](void* env, Caller*, RawVal* v, std::size_t) noexcept -> Trap {
        auto& s = *static_cast<State*>(env);
        RawVal r[4] = {{.i32 = 0}, {.i32 = 0}, {.i32 = 1}, {.i32 = v[0].i32}};
        EXPECT_FALSE(s.store->can_suspend());
        if (auto done = s.store->call(s.realloc, r); !done) return s.store->raise(done.error());
        v[0] = r[0];
        return nullptr;
      },
      &state);
  auto module = must(Module::compile_text(*engine, R"((module (import "h" "fill" (func $fill (param i32) (result i32)))
    (memory (export "memory") 1) (global $at (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 3))))
    (func (export "run") (param i32) (result i32) (drop (call $fill (local.get 0))) (call $fill (local.get 0)))))"));
  Extern imports[] = {fill};
  auto instance = must(store->instantiate(module, imports));
  state.realloc = must(store->func(instance, "cabi_realloc"));
  RawVal v[1] = {{.i32 = 16}};
  must(store->call(must(store->func(instance, "run")), v));
  EXPECT_EQ(v[0].i32, 1040);
}

TEST_P(OnBoth, HostAndGuestCallingEachOtherForEverIsALimitNotACrash) {
  auto store = new_store(engine);
  struct State {
    Store* store;
    Func run;
  } state{store.get(), {}};
  Func again = store->host_function(
      FuncType::of("", ""),
      [](void* env, Caller*, RawVal*, std::size_t) noexcept -> Trap {
        auto& s = *static_cast<State*>(env);
        RawVal v[1];
        auto done = s.store->call(s.run, v);
        return done ? nullptr : s.store->raise(done.error());
      },
      &state);
  auto module =
      must(Module::compile_text(*engine, R"((module (import "h" "f" (func $f)) (func (export "run") (call $f))))"));
  Extern imports[] = {again};
  state.run = must(store->func(must(store->instantiate(module, imports)), "run"));
  RawVal v[1];
  auto off = store->call(state.run, v);
  ASSERT_FALSE(off.has_value());
  EXPECT_EQ(off.error().code(), Code::limit);
  auto fiber = must(store->start(state.run, {}, 1));
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  ASSERT_FALSE(fiber->result().has_value());
  EXPECT_EQ(fiber->result().error().code(), Code::limit);
}

TEST_P(OnBoth, RecursionInsideTheGuestIsATrapOnAndOffAFiber) {
  auto store = new_store(engine);
  auto module = must(Module::compile_text(*engine, R"((module (func $f (export "run") (param i32) (result i32)
    (i32.add (i32.const 1) (call $f (local.get 0))))))"));
  Func run = must(store->func(must(store->instantiate(module, {})), "run"));
  RawVal v[1] = {};
  EXPECT_THAT(store->call(run, v).error().message(), HasSubstr("stack"));
  auto fiber = must(store->start(run, v, 1));
  EXPECT_EQ(fiber->poll(), Fiber::State::done);
  EXPECT_THAT(fiber->result().error().message(), HasSubstr("stack"));
}

TEST_P(OnBoth, InstancesAreLinkedFromWhatOthersExport) {
  auto store = new_store(engine);
  auto provider = must(Module::compile_text(
      *engine,
      R"((module (memory (export "m") 1 4) (table (export "t") 2 2 funcref) (global (export "g") (mut i32) (i32.const 5))
    (func $seven (export "f") (result i32) (i32.const 7)) (elem (i32.const 1) $seven)))"));
  auto user = must(Module::compile_text(
      *engine,
      R"((module (import "a" "t" (table 2 2 funcref)) (import "a" "m" (memory 1)) (import "a" "g" (global $g (mut i32))) (import "a" "f" (func $f (result i32)))
    (type $s (func (result i32)))
    (func (export "run") (result i32) (i32.store (i32.const 8) (i32.const 99)) (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (i32.add (call $f) (call_indirect (type $s) (i32.const 1))))))"));
  auto p = must(store->instantiate(provider, {}));
  Extern imports[] = {must(store->table(p, "t")), must(store->memory(p, "m")), must(store->global(p, "g")),
                      must(store->func(p, "f"))};
  auto u = must(store->instantiate(user, imports));
  RawVal v[1];
  must(store->call(must(store->func(u, "run")), v));
  EXPECT_EQ(v[0].i32, 14);
  Memory memory = must(store->memory(p, "m"));
  EXPECT_EQ(store->memory_base(memory)[8], 99);
  EXPECT_EQ(store->memory_size(memory), 65536u);
  EXPECT_EQ(store->global_get(must(store->global(p, "g"))).i32, 6);
  must(store->global_set(must(store->global(p, "g")), {.i32 = 41}));
  EXPECT_EQ(store->global_get(must(store->global(p, "g"))).i32, 41);
  Table table = must(store->table(p, "t"));
  EXPECT_FALSE(must(store->table_get(table, 0)));
  must(store->call(must(store->table_get(table, 1)), v));
  EXPECT_EQ(v[0].i32, 7);
  EXPECT_EQ(store->table_get(table, 2).error().code(), Code::bad_argument);
}

TEST_P(OnBoth, InstantiationSaysWhatDoesNotFit) {
  auto store = new_store(engine);
  auto module = must(Module::compile_text(*engine, R"((module (import "h" "f" (func (param i32)))))"));
  EXPECT_EQ(store->instantiate(module, {}).error().code(), Code::missing_import);
  Func wrong = store->host_function(
      FuncType::of("I", ""), [](void*, Caller*, RawVal*, std::size_t) noexcept -> Trap { return nullptr; }, nullptr);
  Extern imports[] = {wrong};
  EXPECT_EQ(store->instantiate(module, imports).error().code(), Code::bad_type);
  auto starts = must(Module::compile_text(*engine, R"((module (func $s unreachable) (start $s)))"));
  EXPECT_EQ(store->instantiate(starts, {}).error().code(), Code::trap);
  auto data = must(Module::compile_text(*engine, R"((module (memory 1) (data (i32.const 65536) "x")))"));
  EXPECT_EQ(store->instantiate(data, {}).error().code(), Code::trap);
  // The same once the store has become asynchronous.
  auto fiber = must(store->start(wrong, {}, 1));
  EXPECT_EQ(store->instantiate(module, imports).error().code(), Code::bad_type);
  EXPECT_EQ(store->instantiate(starts, {}).error().code(), Code::trap);
}

TEST_P(OnBoth, AMemoryDoesNotGrowBeyondTheStoresLimitAndItsBaseStays) {
  auto store = new_store(engine, {.memory_bytes = 4 * 65536});
  auto module = must(Module::compile_text(
      *engine,
      R"((module (memory (export "m") 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))))"));
  auto instance = must(store->instantiate(module, {}));
  Memory memory = must(store->memory(instance, "m"));
  auto* base = store->memory_base(memory);
  RawVal v[1] = {{.i32 = 3}};
  Func grow = must(store->func(instance, "grow"));
  must(store->call(grow, v));
  EXPECT_EQ(v[0].i32, 1);
  EXPECT_EQ(store->memory_base(memory), base);
  EXPECT_EQ(store->memory_size(memory), 4u * 65536);
  v[0].i32 = 1;
  must(store->call(grow, v));
  EXPECT_EQ(v[0].i32, -1);
}

TEST_P(OnBoth, AnOverstayingCallIsReportedOnceAndEndedAtTheHardLimit) {
  int reports = 0;
  auto store =
      new_store(engine, {.user = &reports, .slice = 2, .hard_limit = 5, .overstayed = [](void* user, Store&) noexcept {
                           ++*static_cast<int*>(user);
                         }});
  // The guest turns the clock itself: no thread, no time.
  Func tick = store->host_function(
      FuncType::of("", ""),
      [](void*, Caller* caller, RawVal*, std::size_t) noexcept -> Trap {
        Store::of(caller).engine().advance_epoch();
        return nullptr;
      },
      nullptr);
  auto module = must(Module::compile_text(
      *engine, R"((module (import "h" "tick" (func $tick)) (func (export "spin") (loop $l (call $tick) (br $l)))
    (func (export "brief") (call $tick))))"));
  Extern imports[] = {tick};
  auto instance = must(store->instantiate(module, imports));
  RawVal v[1];
  auto result = store->call(must(store->func(instance, "spin")), v);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::deadline);
  EXPECT_EQ(reports, 1);
  must(store->call(must(store->func(instance, "brief")), v));
  EXPECT_EQ(reports, 1);
}

TEST_P(OnBoth, AnUncaughtExceptionIsATrap) {
  auto store = new_store(engine);
  auto module = Module::compile_text(*engine, R"((module (tag $e) (func (export "run") (throw $e))))");
  if (!module) GTEST_SKIP() << module.error().to_string();
  EXPECT_TRUE(module->collected());
  auto instance = must(store->instantiate(*module, {}));
  RawVal v[1];
  auto result = store->call(must(store->func(instance, "run")), v);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::trap);
  EXPECT_THAT(result.error().message(), HasSubstr("exception"));
}

TEST(Depth, TwoStoresOnOneStackShareTheCount) {
  auto engine = small_engine();
  struct State {
    std::unique_ptr<Store> store[2];
    Func run[2];
  } state;
  auto module =
      must(Module::compile_text(*engine, R"((module (import "h" "f" (func $f)) (func (export "run") (call $f))))"));
  for (int i = 0; i < 2; ++i) {
    state.store[i] = new_store(engine, {.user = &state});
    Func other = state.store[i]->host_function(
        FuncType::of("", ""),
        [](void* env, Caller* caller, RawVal*, std::size_t) noexcept -> Trap {
          auto& s = *static_cast<State*>(env);
          int next = &Store::of(caller) == s.store[0].get() ? 1 : 0;
          RawVal v[1];
          auto done = s.store[next]->call(s.run[next], v);
          return done ? nullptr : Store::of(caller).raise(done.error());
        },
        &state);
    Extern imports[] = {other};
    state.run[i] = must(state.store[i]->func(must(state.store[i]->instantiate(module, imports)), "run"));
  }
  RawVal v[1];
  auto result = state.store[0]->call(state.run[0], v);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::limit);
}

}  // namespace
}  // namespace crank::engine
