#include <gtest/gtest.h>

#include "crank/component/program.h"
#include "crank/component/type_arena.h"

namespace crank::component {
namespace {

using K = TypeKind;

TEST(Print, TypesAreWrittenAsInWit) {
  TypeArena a;
  Program p;
  p.resources.push_back({.name = "file"});
  auto u8 = a.primitive(K::u8), text = a.primitive(K::string);
  EXPECT_EQ(to_string(a.list(a.option(u8)), p), "list<option<u8>>");
  EXPECT_EQ(to_string(a.result(nullptr, nullptr), p), "result");
  EXPECT_EQ(to_string(a.result(nullptr, text), p), "result<_, string>");
  EXPECT_EQ(to_string(a.result(u8, nullptr), p), "result<u8>");
  EXPECT_EQ(to_string(a.tuple({u8, text}), p), "tuple<u8, string>");
  EXPECT_EQ(to_string(a.fixed_list(u8, 4), p), "list<u8, 4>");
  EXPECT_EQ(to_string(a.map(text, u8), p), "map<string, u8>");
  EXPECT_EQ(to_string(a.record({{"a", u8}, {"b", text}}), p), "record { a: u8, b: string }");
  EXPECT_EQ(to_string(a.variant({{"a", u8}, {"b", nullptr}}), p), "variant { a(u8), b }");
  EXPECT_EQ(to_string(a.enum_({"x", "y"}), p), "enum { x, y }");
  EXPECT_EQ(to_string(a.flags({"x"}), p), "flags { x }");
  EXPECT_EQ(to_string(a.own(ResourceId{0}), p), "file");
  EXPECT_EQ(to_string(a.borrow(ResourceId{0}), p), "borrow<file>");
  EXPECT_EQ(to_string(a.stream(nullptr), p), "stream");
  EXPECT_EQ(to_string(a.future(u8), p), "future<u8>");
  EXPECT_EQ(to_string(*a.function({{"s", text}}, u8, true), p), "async func(s: string) -> u8");
}

TEST(Print, ATypeThatDoublesAtEveryLevelIsCutOff) {
  TypeArena a;
  Program p;
  TypeRef t = a.primitive(K::u8);
  for (int i = 0; i < 60; ++i) t = a.list(a.tuple({t, t}));
  auto text = to_string(t, p);
  EXPECT_LT(text.size(), 20'000u);
  EXPECT_NE(text.find("…"), text.npos);
}

}  // namespace
}  // namespace crank::component
