#include "crank/component/core_types.h"

#include <gmock/gmock.h>

#include "crank/engine/module.h"

namespace crank::component::detail {
namespace {

using testing::HasSubstr;

class Reflected {
 public:
  explicit Reflected(std::string_view wat)
      : binary_(engine::wat_to_wasm(wat).value()), interface_(reflect(std::as_bytes(std::span(binary_)))) {}
  const CoreInterface* operator->() const { return &interface_; }
  const CoreInterface& operator*() const { return interface_; }

 private:
  std::vector<std::uint8_t> binary_;
  CoreInterface interface_;
};

TEST(CoreTypes, AModuleIsReflectedThroughImportsToExports) {
  Reflected m(R"((module
    (import "a" "f" (func $f (param i32 f64) (result i64)))
    (import "a" "g" (global $g (mut i32)))
    (table (export "t") 2 8 funcref) (memory (export "m") 1)
    (global (export "c") i64 (i64.const -7))
    (tag (export "x") (param i32))
    (func (export "own") (result f32) unreachable)
    (export "f" (func $f)) (export "g" (global $g))))");
  EXPECT_TRUE(m->known);
  ASSERT_EQ(m->imports.size(), 2u);
  EXPECT_EQ(to_string(*m->imports[0].type.func), "(func (param i32 f64) (result i64))");
  EXPECT_EQ(m->exports.at("f").func, m->imports[0].type.func);
  EXPECT_EQ(to_string(*m->exports.at("own").func), "(func (result f32))");
  EXPECT_TRUE(m->exports.at("g").mutable_);
  EXPECT_EQ(m->exports.at("t").limits.max, 8u);
  EXPECT_EQ(m->exports.at("m").limits.min, 1u);
  EXPECT_EQ(to_string(m->exports.at("c").value), "i64");
  EXPECT_EQ(m->exports.at("x").sort, CoreSort::tag);
}

TEST(CoreTypes, ABrokenModuleIsUnknownAndNotAnError) {
  std::vector<std::uint8_t> bytes{0, 'a', 's', 'm', 1, 0, 0, 0, 7, 4, 1, 1, 'f', 9};
  EXPECT_FALSE(reflect(std::as_bytes(std::span(bytes))).known);
}

TEST(CoreTypes, LimitsMustBeAtLeastAsNarrowAsAsked) {
  Reflected small(R"((module (memory (export "m") 1)))"), large(R"((module (memory (export "m") 2 3)))");
  EXPECT_EQ(misfit(large->exports.at("m"), small->exports.at("m")), "");
  EXPECT_THAT(misfit(small->exports.at("m"), large->exports.at("m")), HasSubstr("limits"));
}

TEST(CoreTypes, AModuleMayImportLessAndExportMore) {
  Reflected wanted(R"((module (import "a" "f" (func)) (import "a" "g" (func)) (func (export "x"))))");
  Reflected modest(R"((module (import "a" "g" (func)) (func (export "x")) (func (export "y"))))");
  Reflected greedy(R"((module (import "a" "h" (func)) (func (export "x"))))");
  Reflected poor(R"((module))");
  Reflected wrong(R"((module (func (export "x") (param i32))))");
  EXPECT_EQ(misfit(*modest, *wanted), "");
  EXPECT_THAT(misfit(*greedy, *wanted), HasSubstr("a::h"));
  EXPECT_THAT(misfit(*poor, *wanted), HasSubstr("does not export `x`"));
  EXPECT_THAT(misfit(*wrong, *wanted), HasSubstr("expected (func), found (func (param i32))"));
}

}  // namespace
}  // namespace crank::component::detail
