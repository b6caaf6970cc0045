#include "crank/component/analyze.h"

#include <gmock/gmock.h>

#include "crank/component/component_text.h"

namespace crank::component {
namespace {

using testing::ElementsAre;

// A component that exports one function `f`, and one that imports and calls it; `%` stands for the function's effect.
std::string pair(std::string_view effect, std::string_view lift_options, std::string_view lower_options) {
  return concat(R"((component
    (component $callee
      (core module $m (func (export "f") )",
                lift_options.empty() ? "" : "(result i32)", R"( unreachable)
        (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
      (core instance $i (instantiate $m))
      (func (export "f") )",
                effect, " (canon lift (core func $i \"f\") ", lift_options, R"()))
    (component $caller
      (import "f" (func $f )",
                effect, R"())
      (core func $low (canon lower (func $f) )",
                lower_options, R"())
      (core module $m (import "" "f" (func )",
                lower_options.empty() ? "" : "(result i32)", R"()))
      (core instance (instantiate $m (with "" (instance (export "f" (func $low)))))))
    (instance $callee (instantiate $callee))
    (instance (instantiate $caller (with "f" (func $callee "f"))))))");
}
constexpr std::string_view callback = R"(async (callback (core func $i "cb")))";

std::vector<std::vector<std::uint32_t>> groups(const Program& program) {
  std::vector<std::vector<std::uint32_t>> out;
  for (auto& group : program.groups) {
    auto& made = out.emplace_back();
    for (auto id : group.instances) made.push_back(index(id));
  }
  return out;
}

TEST(Analyze, ASyncTypedEdgeJoinsItsEnds) {
  auto p = program_of(pair("", "", ""));
  EXPECT_THAT(groups(*p), ElementsAre(ElementsAre(1u, 2u)));
  EXPECT_FALSE(p->instances[0].group);
}

TEST(Analyze, AnAsyncTypedEdgeLeavesThemApart) {
  auto p = program_of(pair("async", callback, "async"));
  ASSERT_THAT(groups(*p), ElementsAre(ElementsAre(1u), ElementsAre(2u)));
  EXPECT_FALSE(p->groups.at(0).may_block);
  EXPECT_FALSE(p->groups.at(1).may_block);
}

TEST(Analyze, ASyncLowerOfAnAsyncFunctionMayBlock) {
  auto p = program_of(pair("async", callback, ""));
  ASSERT_EQ(p->groups.size(), 2u);
  EXPECT_FALSE(p->groups.at(0).may_block);
  EXPECT_TRUE(p->groups.at(1).may_block);
}

TEST(Analyze, AStackfulLiftMayBlock) {
  auto p = program_of(R"((component
    (core module $m (func (export "f"))) (core instance $i (instantiate $m))
    (func (export "f") async (canon lift (core func $i "f") async))))");
  ASSERT_EQ(p->groups.size(), 1u);
  EXPECT_TRUE(p->groups.at(0).may_block);
}

TEST(Analyze, ADropOfAResourceWithADestructorJoins) {
  auto text = [](std::string_view destructor) {
    return concat(R"((component
      (component $owner
        (core module $m (func (export "d") (param i32))) (core instance $i (instantiate $m))
        (type $r (resource (rep i32) )",
                  destructor, R"())
        (export "r" (type $r)))
      (component $user
        (import "r" (type $r (sub resource)))
        (core func $drop (canon resource.drop $r))
        (core module $m (import "" "d" (func (param i32))))
        (core instance (instantiate $m (with "" (instance (export "d" (func $drop)))))))
      (instance $o (instantiate $owner))
      (instance (instantiate $user (with "r" (type $o "r"))))))");
  };
  EXPECT_THAT(groups(*program_of(text("(dtor (core func $i \"d\"))"))), ElementsAre(ElementsAre(1u, 2u)));
  EXPECT_THAT(groups(*program_of(text(""))), ElementsAre(ElementsAre(1u), ElementsAre(2u)));
}

TEST(Analyze, ATrampolineThatNoCoreCodeCanReachDoesNotCount) {
  auto text = [](std::string_view hand_over) {
    return concat(R"((component
      (core module $libc (memory (export "m") 1)) (core instance $libc (instantiate $libc))
      (core func $wait (canon waitable-set.wait (memory (core memory $libc "m"))))
      (core module $m (func (export "nothing")))
      (core instance (instantiate $m )",
                  hand_over, ")))");
  };
  EXPECT_FALSE(program_of(text(""))->groups.at(0).may_block);
  EXPECT_TRUE(program_of(text("(with \"\" (instance (export \"w\" (func $wait))))"))->groups.at(0).may_block);
}

TEST(Analyze, ASyncSubtaskCancelDoesNotCount) {
  auto p = program_of(R"((component
    (core func $cancel (canon subtask.cancel))
    (core module $m (import "" "c" (func (param i32) (result i32))))
    (core instance (instantiate $m (with "" (instance (export "c" (func $cancel))))))))");
  EXPECT_FALSE(p->groups.at(0).may_block);
}

TEST(Analyze, AChildThatCallsBackIntoItsParentSharesItsGroup) {
  // The parent calls the child and the child the parent, both through async-typed functions: a cycle.
  auto p = program_of(R"((component
    (core module $m (func (export "f") (result i32) unreachable) (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (func $parent async (canon lift (core func $i "f") async (callback (core func $i "cb"))))
    (component $child
      (import "p" (func $p async))
      (core func $low (canon lower (func $p) async))
      (core module $n (import "" "p" (func (result i32))) (func (export "f") (result i32) unreachable)
        (func (export "cb") (param i32 i32 i32) (result i32) unreachable))
      (core instance $j (instantiate $n (with "" (instance (export "p" (func $low))))))
      (func (export "c") async (canon lift (core func $j "f") async (callback (core func $j "cb")))))
    (instance $c (instantiate $child (with "p" (func $parent))))
    (core func $down (canon lower (func $c "c") async))
    (core module $u (import "" "c" (func (result i32))))
    (core instance (instantiate $u (with "" (instance (export "c" (func $down))))))))");
  EXPECT_THAT(groups(*p), ElementsAre(ElementsAre(0u, 1u)));
}

}  // namespace
}  // namespace crank::component
