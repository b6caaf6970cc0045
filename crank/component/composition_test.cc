#include "crank/component/runtime_fixture.h"

namespace crank::component {
namespace {

using namespace std::chrono_literals;

class CompositionTest : public RuntimeTest {
 protected:
  PartOptions part(std::string name, std::string_view text, ReusePolicy reuse = ReusePolicy::concurrently(100)) {
    PartOptions options{.name = std::move(name), .blueprint = blueprint(text), .reuse = reuse};
    options.root.runtime = &manual.runtime();
    return options;
  }
  Result<Value> call(Composition& app, std::string_view name, std::vector<Value> arguments = {}) {
    auto function = app.function(name);
    if (!function) return fail(std::move(function).error());
    return manual.run(app.call(*function, std::move(arguments)));
  }
};

// Answers twice x; traps when asked for 13; counts its calls.
constexpr std::string_view doubler = R"((component
  (core module $M
    (global $calls (mut i32) (i32.const 0))
    (func (export "f") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.mul (local.get 0) (i32.const 2)))
    (func (export "calls") (result i32) (global.get $calls)))
  (core instance $m (instantiate $M))
  (func $f async (param "x" u32) (result u32) (canon lift (core func $m "f")))
  (func $calls async (result u32) (canon lift (core func $m "calls")))
  (instance $i (export "f" (func $f)) (export "calls" (func $calls)))
  (export "test:app/doubler@1.2.0" (instance $i))))";

// Passes x on to the doubler, and the count.
constexpr std::string_view front = R"((component
  (import "test:app/doubler@1.0.0" (instance $d
    (export "f" (func async (param "x" u32) (result u32)))
    (export "calls" (func async (result u32)))))
  (core func $f (canon lower (func $d "f")))
  (core func $calls (canon lower (func $d "calls")))
  (core module $M
    (import "" "f" (func $f (param i32) (result i32)))
    (import "" "calls" (func $calls (result i32)))
    (func (export "run") (param i32) (result i32) (call $f (local.get 0)))
    (func (export "calls") (result i32) (call $calls)))
  (core instance $m (instantiate $M (with "" (instance (export "f" (func $f)) (export "calls" (func $calls))))))
  (func (export "run") async (param "x" u32) (result u32) (canon lift (core func $m "run")))
  (func (export "calls") async (result u32) (canon lift (core func $m "calls")))))";

TEST_F(CompositionTest, AnImportIsFilledByACompatibleExportOfAnotherPart) {
  auto app = Composition::Builder(imports).part(part("front", front)).plug(part("doubler", doubler)).link();
  ASSERT_TRUE(app) << app.error().to_string();
  EXPECT_EQ(call(**app, "run", values(Value::u32(21)))->as_u32(), 42u);
  EXPECT_NE((*app)->describe().find("front test:app/doubler@1.0.0 -> doubler"), std::string::npos)
      << (*app)->describe();
}

TEST_F(CompositionTest, PartsAreInstantiatedWhenFirstCalled) {
  auto app = *Composition::Builder(imports).part(part("front", front)).plug(part("doubler", doubler)).link();
  EXPECT_EQ(app->counts(0).made, 0u);
  EXPECT_EQ(app->counts(1).made, 0u);
  ASSERT_TRUE(call(*app, "run", values(Value::u32(1))));
  EXPECT_EQ(app->counts(0).made, 1u);
  EXPECT_EQ(app->counts(1).made, 1u);
}

TEST_F(CompositionTest, ATrapBehindAnEdgeTrapsTheCallerAndTheNextCallGetsFreshRoots) {
  auto app = *Composition::Builder(imports).part(part("front", front)).plug(part("doubler", doubler)).link();
  auto trapped = call(*app, "run", values(Value::u32(13)));
  ASSERT_FALSE(trapped);
  EXPECT_EQ(trapped.error().code(), Code::trap);
  EXPECT_NE(trapped.error().to_string().find("doubler"), std::string::npos) << trapped.error().to_string();
  EXPECT_EQ(call(*app, "run", values(Value::u32(4)))->as_u32(), 8u);
  EXPECT_EQ(app->counts(1).made, 2u);
  EXPECT_EQ(app->counts(1).trapped, 1u);
}

// The same edge, but its result type has an internal error.
constexpr std::string_view fallible = R"((component
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (core module $M (import "" "memory" (memory 1))
    (func (export "f") (param i32) (result i32) (if (local.get 0) (then unreachable)) (i32.store (i32.const 64) (i32.const 0)) (i32.const 64)))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $memory "memory"))))))
  (type $e' (variant (case "other") (case "internal-error" (option string))))
  (export $e "error-code" (type $e'))
  (func $f async (param "x" u32) (result (result u32 (error $e))) (canon lift (core func $m "f") (memory (core memory $memory "memory"))))
  (instance $i (export "error-code" (type $e)) (export "f" (func $f)))
  (export "test:app/fallible" (instance $i))))";
constexpr std::string_view careful = R"((component
  (import "test:app/fallible" (instance $d
    (type $e' (variant (case "other") (case "internal-error" (option string))))
    (export "error-code" (type $e (eq $e')))
    (export "f" (func async (param "x" u32) (result (result u32 (error $e)))))))
  (core module $Memory (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next) (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8))))))
  (core instance $memory (instantiate $Memory))
  (core func $f (canon lower (func $d "f") (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "f" (func $f (param i32 i32)))
    ;; 0: it answered; 1 + case: it failed with that case
    (func (export "run") (param i32) (result i32)
      (call $f (local.get 0) (i32.const 16))
      (if (result i32) (i32.load8_u (i32.const 16)) (then (i32.add (i32.const 1) (i32.load8_u (i32.const 20)))) (else (i32.const 0)))))
  (core instance $m (instantiate $M (with "" (instance (export "memory" (memory $memory "memory")) (export "f" (func $f))))))
  (func (export "run") async (param "x" u32) (result u32) (canon lift (core func $m "run")))))";

TEST_F(CompositionTest, ATrapBehindAnEdgeIsAnInternalErrorWhereTheResultTypeHasOne) {
  auto app = Composition::Builder(imports).part(part("careful", careful)).plug(part("fallible", fallible)).link();
  ASSERT_TRUE(app) << app.error().to_string();
  auto fine = call(**app, "run", values(Value::u32(0)));
  ASSERT_TRUE(fine) << fine.error().to_string();
  EXPECT_EQ(fine->as_u32(), 0u);
  auto failed = call(**app, "run", values(Value::u32(1)));
  ASSERT_TRUE(failed) << failed.error().to_string();
  EXPECT_EQ(failed->as_u32(), 2u);
  EXPECT_EQ((*app)->counts(0).made, 1u);
  EXPECT_EQ(call(**app, "run", values(Value::u32(0)))->as_u32(), 0u);
  EXPECT_EQ((*app)->counts(1).made, 2u);
}

// Hands out streams and futures that it never writes; f traps.
constexpr std::string_view dying = R"((component
  (type $s (stream u8))
  (type $fu (future u32))
  (core func $stream (canon stream.new $s))
  (core func $future (canon future.new $fu))
  (core module $M
    (import "" "stream" (func $stream (result i64)))
    (import "" "future" (func $future (result i64)))
    (memory (export "memory") 1)
    (func (export "f") (param i32) (result i32) unreachable)
    (func (export "bytes") (result i32) (i32.wrap_i64 (call $stream)))
    (func (export "answer") (result i32) (i32.wrap_i64 (call $future))))
  (core instance $m (instantiate $M (with "" (instance (export "stream" (func $stream)) (export "future" (func $future))))))
  (type $e' (variant (case "other") (case "internal-error" (option string))))
  (export $e "error-code" (type $e'))
  (func $f async (param "x" u32) (result (result u32 (error $e))) (canon lift (core func $m "f") (memory (core memory $m "memory"))))
  (func $bytes async (result $s) (canon lift (core func $m "bytes")))
  (func $answer async (result $fu) (canon lift (core func $m "answer")))
  (instance $i (export "error-code" (type $e)) (export "f" (func $f)) (export "bytes" (func $bytes)) (export "answer" (func $answer)))
  (export "test:app/dying" (instance $i))))";
// Takes an end, lets the other side die, then reads.
constexpr std::string_view bereaved = R"((component
  (import "test:app/dying" (instance $d
    (type $e' (variant (case "other") (case "internal-error" (option string))))
    (export "error-code" (type $e (eq $e')))
    (export "f" (func async (param "x" u32) (result (result u32 (error $e)))))
    (export "bytes" (func async (result (stream u8))))
    (export "answer" (func async (result (future u32))))))
  (type $s (stream u8))
  (type $fu (future u32))
  (core module $Memory (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next) (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8))))))
  (core instance $memory (instantiate $Memory))
  (core func $f (canon lower (func $d "f") (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $bytes (canon lower (func $d "bytes")))
  (core func $answer (canon lower (func $d "answer")))
  (core func $read (canon stream.read $s (memory (core memory $memory "memory"))))
  (core func $get (canon future.read $fu (memory (core memory $memory "memory"))))
  (core module $M
    (import "" "f" (func $f (param i32 i32)))
    (import "" "bytes" (func $bytes (result i32)))
    (import "" "answer" (func $answer (result i32)))
    (import "" "read" (func $read (param i32 i32 i32) (result i32)))
    (import "" "get" (func $get (param i32 i32) (result i32)))
    (func (export "stream") (result i32) (local $r i32)
      (local.set $r (call $bytes))
      (call $f (i32.const 1) (i32.const 16))
      (call $read (local.get $r) (i32.const 64) (i32.const 4)))
    (func (export "future") (result i32) (local $r i32)
      (local.set $r (call $answer))
      (call $f (i32.const 1) (i32.const 16))
      (call $get (local.get $r) (i32.const 64))))
  (core instance $m (instantiate $M (with "" (instance (export "f" (func $f)) (export "bytes" (func $bytes))
    (export "answer" (func $answer)) (export "read" (func $read)) (export "get" (func $get))))))
  (func (export "stream") async (result u32) (canon lift (core func $m "stream")))
  (func (export "future") async (result u32) (canon lift (core func $m "future")))))";

TEST_F(CompositionTest, AStreamWhoseOtherEndDiedIsDroppedAndItsReaderLivesOn) {
  auto app = Composition::Builder(imports).part(part("bereaved", bereaved)).plug(part("dying", dying)).link();
  ASSERT_TRUE(app) << app.error().to_string();
  for (int i = 0; i < 2; ++i) {
    auto read = call(**app, "stream");
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(read->as_u32(), 1u);  // DROPPED, nothing copied
  }
  EXPECT_EQ((*app)->counts(0).made, 1u);
  EXPECT_EQ((*app)->counts(1).made, 2u);
}

TEST_F(CompositionTest, TheReaderOfAFutureWhoseWriterDiedTraps) {
  auto app = Composition::Builder(imports).part(part("bereaved", bereaved)).plug(part("dying", dying)).link();
  ASSERT_TRUE(app) << app.error().to_string();
  auto read = call(**app, "future");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::trap) << read.error().to_string();
  EXPECT_EQ(call(**app, "stream")->as_u32(), 1u);
  EXPECT_EQ((*app)->counts(0).made, 2u);
}

TEST_F(CompositionTest, AFreshPolicyGivesEachCallARootOfItsOwn) {
  auto app = *Composition::Builder(imports)
                  .part(part("front", front, ReusePolicy::fresh()))
                  .plug(part("doubler", doubler))
                  .link();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(call(*app, "run", values(Value::u32(1))));
  EXPECT_EQ(app->counts(0).made, 3u);
  EXPECT_EQ(app->counts(1).made, 1u);
}

TEST_F(CompositionTest, ARootIsReplacedWhenItsUsesAreSpent) {
  auto app = *Composition::Builder(imports)
                  .part(part("front", front))
                  .plug(part("doubler", doubler, ReusePolicy::concurrently(8, 2)))
                  .link();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(call(*app, "run", values(Value::u32(1))));
  EXPECT_EQ(app->counts(1).made, 3u);
}

TEST_F(CompositionTest, ABusyRootOpensAnother) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> {
    (void)co_await sleep_for(1ms);
    co_return std::move(v[0]);
  });
  auto app = *Composition::Builder(imports).part(part("waiter", waiting_component, ReusePolicy::serial())).link();
  auto function = *app->function("run");
  auto one = spawn(app->call(function, values(Value::u32(1))), {.runtime = &manual.runtime()});
  auto two = spawn(app->call(function, values(Value::u32(2))), {.runtime = &manual.runtime()});
  manual.run();
  EXPECT_EQ(app->counts(0).made, 2u);
  manual.advance(1ms);
  EXPECT_TRUE(one.is_done() && two.is_done());
}

// Answers twice x; computes for ever when asked for 13.
constexpr std::string_view looper = R"((component
  (core module $M
    (func (export "f") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 13)) (then (loop $again (br $again))))
      (i32.mul (local.get 0) (i32.const 2)))
    (func (export "calls") (result i32) (i32.const 0)))
  (core instance $m (instantiate $M))
  (func $f async (param "x" u32) (result u32) (canon lift (core func $m "f")))
  (func $calls async (result u32) (canon lift (core func $m "calls")))
  (instance $i (export "f" (func $f)) (export "calls" (func $calls)))
  (export "run" (func $f))
  (export "test:app/doubler@1.2.0" (instance $i))))";

TEST_F(CompositionTest, ARootWhoseTurnOverstaysGetsNoNewCallsAndEndsAtItsLimit) {
  auto main = part("looper", looper);
  main.root.limits.turn_ticks = 100;
  std::vector<std::string> told;
  main.root.on_trap = [&](const Error& why) { told.push_back(why.to_string()); };
  auto app = *Composition::Builder(imports).part(main).link();
  auto function = *app->function("run");
  auto loops = spawn(app->call(function, values(Value::u32(13))), {.runtime = &manual.runtime()});
  auto other = spawn(app->call(function, values(Value::u32(4))), {.runtime = &manual.runtime()});
  manual.run();
  ASSERT_TRUE(loops.is_done() && other.is_done());
  EXPECT_EQ(take(loops).error().code(), Code::deadline);
  EXPECT_EQ(take(other)->as_u32(), 8u);
  EXPECT_EQ(app->counts(0).made, 2u);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("100 ms it may without a pause"), std::string::npos) << told[0];
}

TEST_F(CompositionTest, APlugWhoseTurnOverstaysIsReplacedForNewCalls) {
  auto plug = part("looper", looper);
  plug.root.limits.turn_ticks = 100;
  auto app = *Composition::Builder(imports).part(part("front", front, ReusePolicy::serial())).plug(plug).link();
  auto function = *app->function("run");
  auto loops = spawn(app->call(function, values(Value::u32(13))), {.runtime = &manual.runtime()});
  auto other = spawn(app->call(function, values(Value::u32(4))), {.runtime = &manual.runtime()});
  manual.run();
  ASSERT_TRUE(loops.is_done() && other.is_done());
  EXPECT_FALSE(take(loops));
  EXPECT_EQ(take(other)->as_u32(), 8u);
  EXPECT_EQ(app->counts(1).made, 2u);
}

TEST_F(CompositionTest, AMissingImportNamesTheNearestAndThePartThatHasIt) {
  std::string text(doubler);
  text.replace(text.find("test:app/doubler@1.2.0"), 16, "test:app/doublers");
  auto app = Composition::Builder(imports).part(part("front", front)).plug(part("twice", text)).link();
  ASSERT_FALSE(app);
  EXPECT_EQ(app.error().code(), Code::missing_import);
  EXPECT_NE(app.error().to_string().find("test:app/doublers@1.2.0#f, which twice exports"), std::string::npos)
      << app.error().to_string();
}

TEST_F(CompositionTest, StoppingLetsCallsInFlightFinish) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> {
    (void)co_await sleep_for(10ms);
    co_return std::move(v[0]);
  });
  auto app = *Composition::Builder(imports).part(part("waiter", waiting_component)).link();
  auto answer = spawn(app->call(*app->function("run"), values(Value::u32(1))), {.runtime = &manual.runtime()});
  manual.run();
  auto stopped = spawn(app->stop(1s), {.runtime = &manual.runtime()});
  manual.run();
  EXPECT_FALSE(stopped.is_done());
  manual.advance(10ms);
  EXPECT_TRUE(stopped.is_done());
  ASSERT_TRUE(answer.is_done());
  EXPECT_TRUE(take(answer));
  EXPECT_EQ(call(*app, "run", values(Value::u32(1))).error().code(), Code::bad_state);
}

TEST_F(CompositionTest, StoppingEndsWhatOutlivesItsGrace) {
  imports.interface("").async_function("wait", [](HostCall, std::vector<Value> v) -> Task<Result<Value>> {
    (void)co_await sleep_for(1h);
    co_return std::move(v[0]);
  });
  auto app = *Composition::Builder(imports).part(part("waiter", waiting_component)).link();
  auto answer = spawn(app->call(*app->function("run"), values(Value::u32(1))), {.runtime = &manual.runtime()});
  manual.run();
  auto stopped = spawn(app->stop(1s), {.runtime = &manual.runtime()});
  manual.advance(1s);
  EXPECT_TRUE(stopped.is_done());
  ASSERT_TRUE(answer.is_done());
  EXPECT_EQ(take(answer).error().code(), Code::root_dead);
}

TEST_F(CompositionTest, ATypeMismatchShowsBothTypes) {
  constexpr std::string_view other = R"((component
    (core module $M (func (export "f") (param i64) (result i32) (i32.const 0)) (func (export "calls") (result i32) (i32.const 0)))
    (core instance $m (instantiate $M))
    (func $f async (param "x" u64) (result u32) (canon lift (core func $m "f")))
    (func $calls async (result u32) (canon lift (core func $m "calls")))
    (instance $i (export "f" (func $f)) (export "calls" (func $calls)))
    (export "test:app/doubler@1.0.0" (instance $i))))";
  auto app = Composition::Builder(imports).part(part("front", front)).plug(part("other", other)).link();
  ASSERT_FALSE(app);
  EXPECT_EQ(app.error().code(), Code::bad_type);
  EXPECT_NE(app.error().to_string().find("u64"), std::string::npos) << app.error().to_string();
  EXPECT_NE(app.error().to_string().find("u32"), std::string::npos);
}

}  // namespace
}  // namespace crank::component
