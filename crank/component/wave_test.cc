#include "crank/component/wave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crank/component/abi.h"
#include "crank/component/type_arena.h"

namespace crank::component {
namespace {

using testing::HasSubstr;

struct Wave : testing::Test {
  TypeArena types;
  TypeRef t(TypeKind kind) { return types.primitive(kind); }
  TypeRef u8 = t(TypeKind::u8), s8 = t(TypeKind::s8), u64 = t(TypeKind::u64), f64 = t(TypeKind::f64),
          f32 = t(TypeKind::f32), string = t(TypeKind::string), bool_ = t(TypeKind::bool_), char_ = t(TypeKind::char_);

  // What is read and written again; canonical text comes back unchanged.
  std::string round(std::string_view text, TypeRef type) {
    Result<Value> value = parse_wave(text, type);
    if (!value) return value.error().message();
    if (!text.empty()) return concat("left over: ", text);
    if (auto fits = check_value(*value, type); !fits) return fits.error().message();
    return to_wave(*value, type);
  }
};

TEST_F(Wave, CanonicalTextComesBackUnchanged) {
  auto same = [&](const char* text, TypeRef type) { EXPECT_EQ(round(text, type), text); };
  same("true", bool_);
  same("255", u8);
  same("-128", s8);
  same("18446744073709551615", u64);
  same("-2.5", f64);
  same("nan", f32);
  same("-inf", f32);
  same("'x'", char_);
  same("'\\''", char_);
  same("'\xe2\x98\x83'", char_);
  same("'\xf0\x9f\x8d\xb0'", char_);
  same("\"a \\\"b\\\" \\n\\u{1}\xc3\xb6\"", string);
  same("[1, 2, 3]", types.list(u8));
  same("[]", types.list(string));
  same("[(\"a\", 1)]", types.map(string, u8));
  same("(1, \"x\")", types.tuple({u8, string}));
  same("{name: \"x\", size: 3}", types.record({{"name", string}, {"size", u8}}));
  same("some(1)", types.option(u8));
  same("none", types.option(u8));
  same("some(none)", types.option(types.option(u8)));
  same("ok", types.result(nullptr, string));
  same("err(\"no\")", types.result(nullptr, string));
  same("circle(2)", types.variant({{"point", nullptr}, {"circle", f64}}));
  same("point", types.variant({{"point", nullptr}, {"circle", f64}}));
  same("red", types.enum_({"green", "red"}));
  same("%none", types.enum_({"none", "red"}));
  same("{read, write}", types.flags({"read", "exec", "write"}));
  same("{}", types.flags({"read"}));
}

TEST_F(Wave, ShorterFormsAreRead) {
  TypeRef record = types.record({{"a", types.option(u8)}, {"b", string}});
  EXPECT_EQ(round(" { b : \"x\" , } ", record), "left over:  ");
  EXPECT_EQ(round(" { b : \"x\" , }", record), "{a: none, b: \"x\"}");
  EXPECT_EQ(round("5", types.option(u8)), "some(5)");
  EXPECT_EQ(round("5", types.result(u8, nullptr)), "ok(5)");
  EXPECT_EQ(round("[1, 2,]", types.list(u8)), "[1, 2]");
  EXPECT_EQ(round("// comment\n 1", u8), "1");
  EXPECT_EQ(round("\"\\u{1F370}\"", string), "\"\xf0\x9f\x8d\xb0\"");
}

TEST_F(Wave, ErrorsSayWhereAndWhat) {
  EXPECT_THAT(round("256", u8), HasSubstr("does not fit type u8"));
  EXPECT_THAT(round("-1", u8), HasSubstr("does not fit type u8"));
  EXPECT_THAT(round("200", s8), HasSubstr("does not fit type s8"));
  EXPECT_THAT(round("", u8), HasSubstr("found the end"));
  EXPECT_THAT(round("\"x", string), HasSubstr("no end"));
  EXPECT_THAT(round("\"\\q\"", string), HasSubstr("expected \\\\"));
  EXPECT_THAT(round("\"\\u{d800}\"", string), HasSubstr("at byte"));
  EXPECT_THAT(round("''", char_), HasSubstr("one character"));
  EXPECT_THAT(round("blue", types.enum_({"green", "red"})), HasSubstr("there is green, red"));
  EXPECT_THAT(round("{c: 1}", types.record({{"b", u8}})), HasSubstr("no field \"c\""));
  EXPECT_THAT(round("{b: 1, b: 1}", types.record({{"b", u8}})), HasSubstr("twice"));
  EXPECT_THAT(round("{:}", types.record({{"b", u8}})), HasSubstr("missing"));
  EXPECT_THAT(round("[1]", types.fixed_list(u8, 2)), HasSubstr("2 elements"));
  EXPECT_THAT(round("1", types.own(ResourceId{0})), HasSubstr("handles"));
}

TEST_F(Wave, ArgumentsAreReadForAFunction) {
  const FuncType& type = *types.function({{"text", string}, {"n", u8}}, nullptr);
  std::string_view text = "(\"hi\", 3) rest";
  Result<std::vector<Value>> arguments = parse_wave_arguments(text, type);
  ASSERT_TRUE(arguments) << arguments.error().message();
  EXPECT_EQ((*arguments)[0].as_string(), "hi");
  EXPECT_EQ((*arguments)[1].as_u32(), 3u);
  EXPECT_EQ(text, " rest");
  text = "(\"hi\")";
  EXPECT_THAT(parse_wave_arguments(text, type).error().message(), HasSubstr("argument \"n\""));
  text = "()";
  EXPECT_TRUE(parse_wave_arguments(text, *types.function({}, nullptr)));
}

TEST_F(Wave, AValueOfAnotherTypeIsStillWritten) {
  EXPECT_EQ(to_wave(Value::variant(9), types.option(u8)), "case-9");
  EXPECT_EQ(to_wave(Value::list({}), types.tuple({u8})), "[]");
  EXPECT_EQ(to_wave(Value(), nullptr), "");
}

}  // namespace
}  // namespace crank::component
