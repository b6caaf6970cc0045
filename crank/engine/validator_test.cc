#include "crank/engine/validator.h"

#include <gtest/gtest.h>

#include "crank/engine/module.h"
#include "crank/engine/testing.h"

namespace crank::engine {
using testing::must;

namespace {

// Modules nested and not, instantiated and not, with code that has locals, memory.init (which needs the data count) and
// ref.func (which needs a declaration).
constexpr std::string_view text = R"((component
  (core module $unused (func (param i32) (result i64) (i64.extend_i32_u (local.get 0))))
  (component $inner
    (core module $m
      (memory (export "memory") 1) (table 1 funcref) (data $d "abc") (elem declare func $f)
      (func $f (export "f") (param i32) (result i32) (local i64 i32)
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))
        (drop (ref.func $f))
        (i32.add (local.get 0) (i32.const 1))))
    (core instance $i (instantiate $m))
    (func (export "f") (param "x" u32) (result u32) (canon lift (core func $i "f"))))
  (instance $a (instantiate $inner))
  (export "f" (func $a "f")))
)";

TEST(ComponentValidator, ModulesOfNestedComponentsAreFoundToo) {
  auto modules = core_modules_of(must(wat_to_wasm(text)));
  ASSERT_TRUE(modules.has_value());
  EXPECT_EQ(modules->size(), 2u);
}

// It would cost as much as compiling twice: `check` falls back to that when the engine no longer complains as expected.
TEST(ComponentValidator, WhatIsValidIsJudgedWithoutCompiling) {
  auto wasm = must(wat_to_wasm(text));
  ComponentValidator validator;
  EXPECT_TRUE(validator.framed_is_valid(wasm));
  wasm.pop_back();
  EXPECT_FALSE(validator.framed_is_valid(wasm));
}

TEST(ComponentValidator, AnInvalidBodyIsRefusedAlsoInAModuleThatIsNeverInstantiated) {
  for (std::string_view body : {"(core module (func (result i32) (i64.const 0)))",
                                "(core module (func (local.get 3) drop))", "(core module (func (call 7)))"}) {
    auto wasm = must(wat_to_wasm(concat("(component ", body, ")")));
    auto verdict = ComponentValidator().check(wasm);
    ASSERT_FALSE(verdict.has_value()) << body;
    EXPECT_EQ(verdict.error().message(), ComponentValidator().check_whole(wasm).error().message());
  }
}

TEST(ComponentValidator, ItsVerdictIsThatOfCompilingAllOfItForEveryTruncationAndManyMutations) {
  auto wasm = must(wat_to_wasm(text));
  ComponentValidator validator;
  must(validator.check(wasm));
  unsigned refused = 0, accepted = 0;
  auto compare = [&](std::span<const std::uint8_t> binary, std::size_t at) {
    const bool whole = validator.check_whole(binary).has_value();
    EXPECT_EQ(validator.check(binary).has_value(), whole) << "at byte " << at;
    ++(whole ? accepted : refused);
  };
  for (std::size_t n = 0; n < wasm.size(); ++n) compare(std::span(wasm).first(n), n);
  for (std::size_t i = 0; i < wasm.size(); ++i) {
    for (std::uint8_t flip : {0x01, 0x40}) {
      auto mutated = wasm;
      mutated[i] ^= flip;
      compare(mutated, i);
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(accepted, 10u);
}

}  // namespace
}  // namespace crank::engine
