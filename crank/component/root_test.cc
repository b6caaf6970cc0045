#include "crank/async/cancellation.h"
#include "crank/async/pool.h"
#include "crank/async/spawn.h"
#include "crank/async/sync_wait.h"
#include "crank/component/runtime_fixture.h"

namespace crank::component {
namespace {

using RootTest = RuntimeTest;
using namespace std::chrono_literals;

constexpr std::string_view adder = R"((component
  (core module $M
    (global $count (mut i32) (i32.const 0))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
    (func (export "crash") (result i32) unreachable))
  (core instance $m (instantiate $M))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $m "add")))
  (func (export "count") (result u32) (canon lift (core func $m "count")))
  (func (export "crash") (result u32) (canon lift (core func $m "crash")))))";

TEST_F(RootTest, AnExportIsCalledWithHostValues) {
  auto r = root(adder);
  auto sum = call(*r, "add", values(Value::u32(40), Value::u32(2)));
  ASSERT_TRUE(sum) << sum.error().to_string();
  EXPECT_EQ(sum->as_u32(), 42u);
}

TEST_F(RootTest, ArgumentsThatDoNotFitAreRefusedBeforeTheGuestRuns) {
  auto r = root(adder);
  EXPECT_EQ(call(*r, "add", values(Value::u32(1))).error().code(), Code::bad_argument);
  EXPECT_EQ(call(*r, "add", values(Value::u32(1), Value::string("2"))).error().code(), Code::bad_argument);
  EXPECT_EQ(call(*r, "count")->as_u32(), 1u);
}

TEST_F(RootTest, AMissingExportIsNamedWithWhatThereIs) {
  auto r = root(adder);
  auto missing = r->function("subtract");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::missing_export);
  EXPECT_NE(missing.error().message().find("add"), std::string::npos);
}

TEST_F(RootTest, StateStaysInItsRoot) {
  auto blue = blueprint(adder);
  auto one = root(adder), two = root(adder);
  EXPECT_EQ(call(*one, "count")->as_u32(), 1u);
  EXPECT_EQ(call(*one, "count")->as_u32(), 2u);
  EXPECT_EQ(call(*two, "count")->as_u32(), 1u);
}

TEST_F(RootTest, ATrapIsAnErrorThatNamesTheFunctionAndEndsTheRoot) {
  auto r = root(adder, {.name = "adder"});
  auto crash = call(*r, "crash");
  ASSERT_FALSE(crash);
  EXPECT_EQ(crash.error().code(), Code::trap);
  EXPECT_NE(crash.error().message().find("adder"), std::string::npos);
  EXPECT_NE(crash.error().message().find("crash"), std::string::npos);
  EXPECT_EQ(r->state(), Root::State::trapped);
  EXPECT_EQ(call(*r, "add", values(Value::u32(1), Value::u32(2))).error().code(), Code::root_dead);
}

TEST_F(RootTest, DestroyingARootEndsItsGuestInTheMiddleOfALongTurn) {
  Pool pool({.threads = 1});
  RootOptions options{.name = "looper", .runtime = &pool.runtime()};
  auto looper = *Root::instantiate(blueprint(R"((component
    (core module $M (func (export "f") (loop $again (br $again))))
    (core instance $m (instantiate $M))
    (func (export "f") (canon lift (core func $m "f")))))"),
                                   imports, options);
  auto answer = sync_wait(pool, [](std::shared_ptr<Root> called) -> Task<Result<Value>> {
    // The only worker goes into the guest; it is lent to this at the end of a slice.
    spawn_detached(
        [](std::shared_ptr<Root> root) -> Task<> {
          root->destroy();
          co_return;
        }(called),
        {})
        .run_on();
    co_return co_await called->call(*called->function("f"), {});
  }(looper));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::root_dead) << answer.error().to_string();
}

TEST_F(RootTest, ATrapInOneRootLeavesTheOthersAlone) {
  auto one = root(adder), two = root(adder);
  EXPECT_FALSE(call(*one, "crash"));
  EXPECT_EQ(call(*two, "add", values(Value::u32(1), Value::u32(2)))->as_u32(), 3u);
}

TEST_F(RootTest, AMissingImportIsRefusedWithTheNearestTheHostHas) {
  imports.interface("").async_function("waits",
                                       [](HostCall, std::vector<Value>) -> Task<Result<Value>> { co_return Value(); });
  auto blue = blueprint(waiting_component);
  auto r = Root::instantiate(blue, imports, {.runtime = &manual.runtime()});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code(), Code::missing_import);
  EXPECT_NE(r.error().message().find("waits"), std::string::npos) << r.error().message();
}

TEST_F(RootTest, AHostFunctionThatAnswersAtOnceCostsTheGuestNoTurn) {
  imports.interface("").async_function(
      "wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> { co_return std::move(v[0]); });
  auto r = root(waiting_component);
  EXPECT_EQ(call(*r, "run", values(Value::u32(7)))->as_u32(), 7u);
}

TEST_F(RootTest, AGuestWaitsForAHostFunctionThatSuspends) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> {
    (void)co_await sleep_for(std::chrono::milliseconds(v[0].as_u32()));
    co_return std::move(v[0]);
  });
  auto r = root(waiting_component);
  auto answer = begin(*r, "run", values(Value::u32(7)));
  EXPECT_FALSE(answer.is_done());
  EXPECT_EQ(r->calls_in_flight(), 1u);
  manual.advance(7ms);
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(take(answer)->as_u32(), 7u);
  EXPECT_EQ(r->tasks_alive(), 0u);
}

TEST_F(RootTest, ManyCallsOfOneInstanceAreInFlightAtOnce) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> {
    (void)co_await sleep_for(1ms);
    co_return std::move(v[0]);
  });
  auto r = root(waiting_component);
  auto one = begin(*r, "run", values(Value::u32(1)));
  auto two = begin(*r, "run", values(Value::u32(2)));
  EXPECT_EQ(r->calls_in_flight(), 2u);
  manual.advance(1ms);
  EXPECT_TRUE(one.is_done());
  EXPECT_TRUE(two.is_done());
}

TEST_F(RootTest, AFailingHostFunctionTrapsItsGuestWithTheCause) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value>) -> Task<Result<Value>> {
    co_return fail(Code::io, "the disk is gone");
  });
  auto r = root(waiting_component);
  auto answer = call(*r, "run", values(Value::u32(1)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::trap);
  EXPECT_NE(answer.error().to_string().find("the disk is gone"), std::string::npos);
}

TEST_F(RootTest, CancellingTheCallAsksTheGuestAndItsHostFunction) {
  bool cancelled = false;
  imports.interface("").async_function("wait", [&](HostCall, std::vector<Value>) -> Task<Result<Value>> {
    cancelled = co_await sleep_for(1h) == SleepOutcome::cancelled;
    co_return fail(Code::cancelled, "asked to stop");
  });
  auto r = root(waiting_component);
  auto answer = begin(*r, "run", values(Value::u32(1)));
  answer.cancel();
  manual.run();
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(take(answer).error().code(), Code::cancelled);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(r->state(), Root::State::live);
}

// What most toolchains do for a task that is told to stop: `subtask.cancel`, not asynchronous. The turn that is told runs on a
// stack of its own, so it can wait there for a host function that takes its time to give up.
TEST_F(RootTest, ATaskThatIsToldToStopMayCancelItsCallsSynchronously) {
  imports.interface("").async_function("wait", [&](HostCall, std::vector<Value>) -> Task<Result<Value>> {
    (void)co_await sleep_for(1h);
    CancellationShield shield;
    (void)co_await sleep_for(5ms);
    co_return fail(Code::cancelled, "asked to stop");
  });
  std::string synchronous(waiting_component);
  auto replace = [&](std::string_view what, std::string_view with) {
    auto at = synchronous.find(what);
    ASSERT_NE(at, synchronous.npos) << what;
    synchronous.replace(at, what.size(), with);
  };
  replace("(canon subtask.cancel async)", "(canon subtask.cancel)");
  replace("(drop (call $subtask_cancel", "(call $join (global.get $last) (i32.const 0)) (drop (call $subtask_cancel");
  auto r = root(synchronous);
  auto answer = begin(*r, "run", values(Value::u32(1)));
  answer.cancel();
  manual.run();
  EXPECT_FALSE(answer.is_done());
  manual.advance(5ms);
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(take(answer).error().code(), Code::cancelled);
  EXPECT_EQ(r->state(), Root::State::live);
}

TEST_F(RootTest, ACallThatIsLateIsCancelledWithADeadlineError) {
  imports.interface("").async_function("wait", [&](HostCall, std::vector<Value>) -> Task<Result<Value>> {
    (void)co_await sleep_for(1h);
    co_return fail(Code::cancelled, "asked to stop");
  });
  auto r = root(waiting_component);
  auto answer = begin(*r, "run", values(Value::u32(1)), {.timeout = 10ms, .grace = 1s});
  manual.advance(9ms);
  EXPECT_FALSE(answer.is_done());
  manual.advance(1ms);
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(take(answer).error().code(), Code::deadline);
  EXPECT_EQ(r->state(), Root::State::live);
}

TEST_F(RootTest, DestroyingARootAnswersItsCallsAndCancelsItsHostFunctions) {
  bool cancelled = false;
  imports.interface("").async_function("wait", [&](HostCall, std::vector<Value>) -> Task<Result<Value>> {
    cancelled = co_await sleep_for(1h) == SleepOutcome::cancelled;
    co_return fail(Code::cancelled, "asked to stop");
  });
  auto r = root(waiting_component);
  auto answer = begin(*r, "run", values(Value::u32(1)));
  r->destroy();
  manual.run();
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(take(answer).error().code(), Code::root_dead);
  EXPECT_TRUE(cancelled);
}

// Waits on a set that nothing will ever join.
constexpr std::string_view stuck = R"((component
  (core func $set_new (canon waitable-set.new))
  (core func $return (canon task.return))
  (core module $M
    (import "" "set_new" (func $set_new (result i32)))
    (func (export "hang") (result i32) (i32.or (i32.const 2) (i32.shl (call $set_new) (i32.const 4))))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "set_new" (func $set_new))))))
  (func (export "hang") async (canon lift (core func $m "hang") async (callback (core func $m "callback"))))))";

TEST_F(RootTest, ACallThatNothingCanEndIsADeadlockThatSaysWhoWaits) {
  auto r = root(stuck);
  auto answer = begin(*r, "hang");
  ASSERT_TRUE(answer.is_done());
  auto result = take(answer);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::deadlock) << result.error().to_string();
  EXPECT_NE(result.error().to_string().find("hang"), std::string::npos);
}

TEST_F(RootTest, AReportNamesWhoWaitsForWhom) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> {
    (void)co_await sleep_for(1h);
    co_return std::move(v[0]);
  });
  auto r = root(waiting_component);
  auto answer = begin(*r, "run", values(Value::u32(1)));
  std::string report = manual.run([](Root& of) -> Task<std::string> { co_return co_await of.report(); }(*r));
  EXPECT_NE(report.find("run"), std::string::npos) << report;
  EXPECT_NE(report.find("wait"), std::string::npos) << report;
  manual.advance(1h);
  EXPECT_TRUE(answer.is_done());
}

// Each `resource.new` is dropped by the host or by another call.
constexpr std::string_view counted_resources = R"((component
  (core module $Drops
    (global $alive (mut i32) (i32.const 0))
    (func (export "up") (global.set $alive (i32.add (global.get $alive) (i32.const 1))))
    (func (export "drop") (param i32) (global.set $alive (i32.sub (global.get $alive) (i32.const 1))))
    (func (export "alive") (result i32) (global.get $alive)))
  (core instance $drops (instantiate $Drops))
  (type $R' (resource (rep i32) (dtor (core func $drops "drop"))))
  (export $R "r" (type $R'))
  (core func $new (canon resource.new $R'))
  (core func $rep (canon resource.rep $R'))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "up" (func $up))
    (func (export "make") (param i32) (result i32) (call $up) (call $new (local.get 0)))
    (func (export "look") (param i32) (result i32) (local.get 0)))
  (core instance $m (instantiate $M (with "" (instance (export "new" (func $new)) (export "up" (func $drops "up"))))))
  (func (export "make") (param "x" u32) (result (own $R)) (canon lift (core func $m "make")))
  (func (export "look") (param "r" (borrow $R)) (result u32) (canon lift (core func $m "look")))
  (func (export "alive") (result u32) (canon lift (core func $drops "alive")))))";

TEST_F(RootTest, DroppingAHandleThatTheHostHoldsRunsTheDestructor) {
  auto r = root(counted_resources);
  {
    auto made = call(*r, "make", values(Value::u32(5)));
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_EQ(call(*r, "alive")->as_u32(), 1u);
    EXPECT_EQ(call(*r, "look", values(made->clone()))->as_u32(), 5u);
  }
  manual.run();
  EXPECT_EQ(call(*r, "alive")->as_u32(), 0u);
}

TEST_F(RootTest, AHandleOfADeadRootIsDroppedWithoutEffect) {
  auto r = root(counted_resources);
  auto made = call(*r, "make", values(Value::u32(5)));
  ASSERT_TRUE(made);
  r->destroy();
  made = Value();
  manual.run();
  EXPECT_EQ(r->state(), Root::State::destroyed);
}

TEST_F(RootTest, AHandleIsRefusedByAnotherRootOfTheSameComponent) {
  auto one = root(counted_resources), two = root(counted_resources);
  auto made = call(*one, "make", values(Value::u32(5)));
  ASSERT_TRUE(made);
  auto answer = call(*two, "look", values(made->clone()));
  EXPECT_FALSE(answer);
  made = Value();
  manual.run();
}

TEST_F(RootTest, MemoryOverItsLimitIsRefusedToTheGuest) {
  constexpr std::string_view grower = R"((component
    (core module $M (memory (export "memory") 1)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
    (core instance $m (instantiate $M))
    (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $m "grow")))))";
  RootOptions options;
  options.limits.memory_bytes = 4 * 65536;
  auto r = root(grower, options);
  EXPECT_EQ(call(*r, "grow", values(Value::u32(2)))->as_s64(), 1);
  EXPECT_EQ(call(*r, "grow", values(Value::u32(2)))->as_s64(), -1);
}

TEST_F(RootTest, HandlesOverTheirLimitTrap) {
  constexpr std::string_view hoarder = R"((component
    (core func $set_new (canon waitable-set.new))
    (core module $M (import "" "set_new" (func $set_new (result i32)))
      (func (export "hoard") (result i32) (loop $more (drop (call $set_new)) (br $more)) unreachable))
    (core instance $m (instantiate $M (with "" (instance (export "set_new" (func $set_new))))))
    (func (export "hoard") (result u32) (canon lift (core func $m "hoard")))))";
  RootOptions options;
  options.limits.handles = 100;
  auto r = root(hoarder, options);
  auto answer = call(*r, "hoard");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().to_string().find("100 handles"), std::string::npos) << answer.error().to_string();
}

}  // namespace
}  // namespace crank::component
