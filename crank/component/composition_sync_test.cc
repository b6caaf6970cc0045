// Sync-typed edges between roots: the short way of canon_call_numbers.cc, and what must not be noticed of it.
#include "crank/component/runtime_fixture.h"

namespace crank::component {
namespace {

using namespace std::chrono_literals;

class SyncEdges : public RuntimeTest {
 protected:
  PartOptions part(std::string name, std::string_view text, ReusePolicy reuse = ReusePolicy::concurrently(100)) {
    PartOptions options{.name = std::move(name), .blueprint = blueprint(text), .reuse = reuse};
    options.root.runtime = &manual.runtime();
    return options;
  }
  std::shared_ptr<Composition> compose(ReusePolicy reuse = ReusePolicy::concurrently(100)) {
    auto app = Composition::Builder(imports).part(part("front", front)).plug(part("adder", adder, reuse)).link();
    EXPECT_TRUE(app) << app.error().to_string();
    return app ? *app : nullptr;
  }
  Result<Value> run(Composition& app, std::uint32_t x) {
    return manual.run(app.call(*app.function("run"), values(Value::u32(x))));
  }
  // Nothing is left that stopping would have to wait for.
  bool stops_at_once(Composition& app) {
    auto stopped = spawn(app.stop(1s), {.runtime = &manual.runtime()});
    manual.run();
    return stopped.is_done();
  }

  // f(x): x plus what its context slot holds, which it then sets to 1000. Traps when asked for 13.
  static constexpr std::string_view adder = R"((component
    (core func $get (canon context.get i32 0))
    (core func $set (canon context.set i32 0))
    (core module $M
      (import "" "get" (func $get (result i32)))
      (import "" "set" (func $set (param i32)))
      (func (export "f") (param i32 i64) (result i64)
        (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))
        (i64.add (local.get 1) (i64.extend_i32_u (i32.add (local.get 0) (call $get))))
        (call $set (i32.const 1000))))
    (core instance $m (instantiate $M (with "" (instance (export "get" (func $get)) (export "set" (func $set))))))
    (func $f (param "x" u32) (param "y" s64) (result s64) (canon lift (core func $m "f")))
    (instance $i (export "f" (func $f)))
    (export "test:app/adder" (instance $i))))";

  // run(x): f(f(x, 1), 1), which is x + 2; its own context slot must still hold what it put there.
  static constexpr std::string_view front = R"((component
    (import "test:app/adder" (instance $d (export "f" (func (param "x" u32) (param "y" s64) (result s64)))))
    (core func $f (canon lower (func $d "f")))
    (core func $get (canon context.get i32 0))
    (core func $set (canon context.set i32 0))
    (core module $M
      (import "" "f" (func $f (param i32 i64) (result i64)))
      (import "" "get" (func $get (result i32)))
      (import "" "set" (func $set (param i32)))
      (func (export "run") (param i32) (result i32)
        (call $set (i32.const 77))
        (i32.wrap_i64 (call $f (i32.wrap_i64 (call $f (local.get 0) (i64.const 1))) (i64.const 1)))
        (if (i32.ne (call $get) (i32.const 77)) (then unreachable))))
    (core instance $m (instantiate $M (with "" (instance
      (export "f" (func $f)) (export "get" (func $get)) (export "set" (func $set))))))
    (func (export "run") async (param "x" u32) (result u32) (canon lift (core func $m "run")))))";
};

TEST_F(SyncEdges, EachCallIsATaskOfItsOwnWithFreshContextSlots) {
  auto app = compose();
  for (std::uint32_t x : {0u, 40u, 7u}) {
    auto answer = run(*app, x);
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->as_u32(), x + 2);
  }
  EXPECT_TRUE(stops_at_once(*app));
}

TEST_F(SyncEdges, ATrapBehindOneEndsBothRootsAndTheNextCallGetsFreshOnes) {
  auto app = compose();
  ASSERT_TRUE(run(*app, 1));
  auto trapped = run(*app, 13);
  ASSERT_FALSE(trapped);
  EXPECT_EQ(trapped.error().code(), Code::trap);
  EXPECT_NE(trapped.error().to_string().find("adder"), std::string::npos) << trapped.error().to_string();
  EXPECT_EQ(run(*app, 4)->as_u32(), 6u);
  EXPECT_EQ(app->counts(0).made, 2u);
  EXPECT_EQ(app->counts(1).made, 2u);
  EXPECT_EQ(app->counts(1).trapped, 1u);
  EXPECT_TRUE(stops_at_once(*app));
}

TEST_F(SyncEdges, ARootWhoseUsesAreSpentIsReplacedBetweenTwoCalls) {
  auto app = compose(ReusePolicy::concurrently(8, 3));
  for (std::uint32_t x = 0; x < 3; ++x) EXPECT_EQ(run(*app, x)->as_u32(), x + 2);
  EXPECT_EQ(app->counts(1).made, 2u);
  EXPECT_TRUE(stops_at_once(*app));
}

}  // namespace
}  // namespace crank::component
