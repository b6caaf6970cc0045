#include "crank/component/inline.h"

#include <gmock/gmock.h>

#include "crank/component/component_text.h"

namespace crank::component {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<InstantiateModule> core_instances(const Program& program) {
  std::vector<InstantiateModule> out;
  for (auto& step : program.steps) {
    if (auto* found = std::get_if<InstantiateModule>(&step)) out.push_back(*found);
  }
  return out;
}

TEST(Inline, CoreInstancesKeepTheOrderOfTheBinaryAcrossNesting) {
  auto p = program_of(R"((component
    (core module $a) (core instance (instantiate $a))
    (component $c (core module $b (func (export "b"))) (core instance (instantiate $b)))
    (instance (instantiate $c))
    (core instance (instantiate $a))))");
  auto made = core_instances(*p);
  ASSERT_EQ(made.size(), 3u);
  EXPECT_EQ(index(made[0].instance), 0u);
  EXPECT_EQ(index(made[1].instance), 1u);
  EXPECT_EQ(index(made[2].instance), 0u);
  EXPECT_EQ(made[0].module, made[2].module);
  EXPECT_EQ(p->modules.size(), 2u);
  EXPECT_EQ(p->instances[1].parent, InstanceId{0});
}

TEST(Inline, ModulesNobodyInstantiatesAreLeftOut) {
  EXPECT_TRUE(program_of("(component (core module) (component (core module)))")->modules.empty());
}

TEST(Inline, EveryInstantiationHasItsOwnResource) {
  auto p = program_of(R"((component
    (component $c (type $r (resource (rep i32))) (export "r" (type $r)))
    (instance $x (instantiate $c)) (instance $y (instantiate $c))
    (export "x" (instance $x)) (export "y" (instance $y))))");
  ASSERT_EQ(p->resources.size(), 2u);
  auto x = find_export(*p, "x#r"), y = find_export(*p, "y#r");
  ASSERT_TRUE(x && y);
  EXPECT_EQ(x->kind, ExportItem::resource);
  EXPECT_NE(x->resource_id, y->resource_id);
  EXPECT_EQ(p->resources[0].name, "r");
  EXPECT_EQ(p->steps.size(), 2u);
  EXPECT_EQ(p->resources[index(y->resource_id)].instance, InstanceId{2});
}

TEST(Inline, AnArgumentReplacesTheImportEverywhere) {
  auto p = program_of(R"((component
    (import "host" (func $host (param "x" u32)))
    (component $user
      (import "f" (func $f (param "x" u32)))
      (core func $low (canon lower (func $f)))
      (core module $m (import "" "f" (func (param i32))))
      (core instance (instantiate $m (with "" (instance (export "f" (func $low)))))))
    (component $wrap
      (import "c" (component $c (import "f" (func (param "x" u32)))))
      (import "f" (func $f (param "x" u32)))
      (instance (instantiate $c (with "f" (func $f)))))
    (instance (instantiate $wrap (with "c" (component $user)) (with "f" (func $host))))))");
  ASSERT_EQ(p->imports.size(), 1u);
  EXPECT_EQ(p->imports[0].name, "host");
  ASSERT_EQ(p->trampolines.size(), 1u);
  auto& lower = p->trampolines[0];
  EXPECT_EQ(lower.op, Builtin::lower);
  EXPECT_EQ(lower.callee.kind, FuncSource::imported);
  EXPECT_EQ(lower.callee.index, 0u);
  EXPECT_EQ(index(lower.instance), 2u);
  EXPECT_EQ(p->instances[2].parent, InstanceId{1});
  auto made = core_instances(*p);
  ASSERT_EQ(made.size(), 1u);
  ASSERT_EQ(made[0].arguments.size(), 1u);
  ASSERT_EQ(made[0].arguments[0].definitions.size(), 1u);
  EXPECT_TRUE(made[0].arguments[0].definitions[0].second.is_trampoline);
}

TEST(Inline, ImportsOfInterfacesAreListedWithTheirInterface) {
  auto p = program_of(R"((component
    (import "a:b/c@1.0.0" (instance
      (export "r" (type $r (sub resource)))
      (export "f" (func (param "r" (borrow $r)) (result u32)))))
    (import "g" (func))))");
  ASSERT_EQ(p->imports.size(), 2u);
  EXPECT_EQ(p->imports[0].interface, "a:b/c@1.0.0");
  EXPECT_EQ(p->imports[0].name, "f");
  EXPECT_EQ(p->imports[1].interface, "");
  ASSERT_EQ(p->import_items.size(), 2u);
  EXPECT_EQ(p->import_items[0].item.kind, ExportItem::instance);
  ASSERT_EQ(p->resources.size(), 1u);
  EXPECT_EQ(p->resources[0].import_interface, "a:b/c@1.0.0");
  EXPECT_FALSE(p->resources[0].instance);
  EXPECT_EQ(to_string(*p->imports[0].type, *p), "func(r: borrow<r>) -> u32");
}

TEST(Inline, LiftsAreNamedByTheirExportPath) {
  auto p = program_of(R"((component
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (instance $api (export "go" (func $f)))
    (export "x:y/api@1.0.0" (instance $api))))");
  ASSERT_EQ(p->lifts.size(), 1u);
  EXPECT_EQ(p->lifts[0].name, "x:y/api@1.0.0#go");
  auto found = find_export(*p, "x:y/api@1.0.0#go");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->function_source.kind, FuncSource::lifted);
  EXPECT_EQ(find_export(*p, "x:y/api@1.0.0#went"), nullptr);
  EXPECT_EQ(find_export(*p, "x:y/api@1.0.0#go#further"), nullptr);
}

TEST(Inline, AnUninstantiatedComponentIsCheckedAllTheSame) {
  EXPECT_THAT(refusal("(component (component (import \"a\" (func)) (export \"b\" (func 3))))"),
              HasSubstr("func index 3 is out of bounds"));
}

TEST(Inline, WhatImportsAComponentCanBeLookedAtButNotInstantiated) {
  auto p = program_of(R"((component
    (import "c" (component $c (export "f" (func))))
    (instance $i (instantiate $c)) (export "f" (func $i "f"))))");
  EXPECT_THAT(p->not_instantiable, HasSubstr("component `c`"));
  EXPECT_EQ(p->exports.size(), 1u);
  auto m = program_of("(component (import \"m\" (core module $m)) (core instance (instantiate $m)))");
  EXPECT_THAT(m->not_instantiable, HasSubstr("core module"));
  EXPECT_EQ(program_of("(component (import \"m\" (core module $m)))")->not_instantiable, "");
}

TEST(Inline, AMismatchShowsBothTypes) {
  EXPECT_THAT(refusal(R"((component
      (import "f" (func $f (param "x" (list u8)) (result string)))
      (component $c (import "g" (func (param "x" u32))))
      (instance (instantiate $c (with "g" (func $f))))))"),
              HasSubstr("expected func(x: u32), found func(x: list<u8>) -> string"));
}

TEST(Inline, AResourceIsNotAnotherOneOfTheSameShape) {
  EXPECT_THAT(refusal(R"((component
      (type $r1 (resource (rep i32))) (type $r2 (resource (rep i32)))
      (component $c (import "a" (type $a (sub resource))) (import "b" (type (eq $a))))
      (instance (instantiate $c (with "a" (type $r1)) (with "b" (type $r2))))))"),
              HasSubstr("expected one resource, found another"));
}

TEST(Inline, TheLoweredSignatureFollowsTheFlatteningRules) {
  auto p = program_of(R"((component
    (import "f" (func $f async (param "a" u64) (param "b" string) (result string)))
    (core module $m (memory (export "mem") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (alias core export $i "mem" (core memory $mem)) (alias core export $i "realloc" (core func $realloc))
    (core func (canon lower (func $f) (memory $mem) (realloc $realloc)))
    (core func (canon lower (func $f) async (memory $mem) (realloc $realloc)))))");
  using enum CoreType;
  ASSERT_EQ(p->trampolines.size(), 2u);
  EXPECT_THAT(p->trampolines[0].params, ElementsAre(i64, i32, i32, i32));
  EXPECT_THAT(p->trampolines[0].results, ElementsAre());
  EXPECT_THAT(p->trampolines[1].params, ElementsAre(i64, i32, i32, i32));
  EXPECT_THAT(p->trampolines[1].results, ElementsAre(i32));
  EXPECT_TRUE(p->trampolines[1].async_);
}

TEST(Inline, AnAsyncLowerOfMoreThanFourFlatParametersTakesAPointer) {
  auto p = program_of(R"((component
    (import "f" (func $f async (param "a" u64) (param "b" u64) (param "c" u64) (param "d" u64) (param "e" u64)))
    (core module $m (memory (export "mem") 1)) (core instance $i (instantiate $m))
    (core func (canon lower (func $f) async (memory (core memory $i "mem"))))))");
  ASSERT_EQ(p->trampolines.size(), 1u);
  EXPECT_THAT(p->trampolines[0].params, ElementsAre(CoreType::i32));
}

TEST(Inline, ALiftedFunctionMustHaveTheFlattenedSignature) {
  EXPECT_THAT(refusal(R"((component
      (core module $m (func (export "f") (param i64)))
      (core instance $i (instantiate $m))
      (func (param "x" u32) (canon lift (core func $i "f")))))"),
              HasSubstr("expected (func (param i32)), found (func (param i64))"));
}

TEST(Inline, CoreImportsAreLinkedWithTypes) {
  EXPECT_THAT(refusal(R"((component
      (core module $a (func (export "f") (param i32)))
      (core module $b (import "a" "f" (func)))
      (core instance $i (instantiate $a)) (core instance (instantiate $b (with "a" (instance $i))))))"),
              HasSubstr("the import `a::f` does not fit"));
  EXPECT_THAT(refusal("(component (core module $b (import \"a\" \"f\" (func))) (core instance (instantiate $b)))"),
              HasSubstr("lacks the argument `a`"));
}

TEST(Inline, InstantiatingWithoutEndIsALimitAndNotAHang) {
  std::string text = "(component (component $c0 (core module $m) (core instance (instantiate $m)))";
  for (int i = 1; i <= 25; ++i) {
    auto below = std::to_string(i - 1);
    text += "(component $c" + std::to_string(i) + " (alias outer 1 " + below +
            " (component $b)) (instance (instantiate $b)) (instance (instantiate $b)))";
  }
  text += "(instance (instantiate $c25)))";
  auto program = decode_text(text);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code(), Code::limit);
}

TEST(Inline, AnExportTreeThatDoublesAtEveryLevelIsALimit) {
  std::string text = "(component (instance $i0)";
  for (int i = 1; i <= 45; ++i) {
    std::string below = "(instance $i" + std::to_string(i - 1) + ")";
    text += "(instance $i" + std::to_string(i) + " (export \"a\" " + below + ") (export \"b\" " + below + "))";
  }
  auto program = decode_text(text + "(export \"x\" (instance $i45)))");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code(), Code::limit);
}

TEST(Inline, CopiesOfALongNameCount) {
  std::string text = "(component (import \"" + std::string(1'000'000, 'a') + "\" (instance ";
  for (int i = 0; i < 200; ++i) text += "(export \"f" + std::to_string(i) + "\" (func))";
  auto program = decode_text(text + ")))");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code(), Code::limit);
}

TEST(Inline, WideMemoriesAreUnsupportedAndSaySo) {
  auto program = decode_text(R"((component
    (import "f" (func $f (param "s" string)))
    (core module $m (memory (export "mem") i64 1)) (core instance $i (instantiate $m))
    (core func (canon lower (func $f) (memory (core memory $i "mem"))))))");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code(), Code::unsupported);
}

}  // namespace
}  // namespace crank::component
