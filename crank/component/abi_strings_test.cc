#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crank/component/abi_test_memory.h"
#include "crank/component/transcode.h"
#include "crank/component/type_arena.h"

namespace crank::component {
namespace {

using test::Memory;
using testing::ElementsAre;
using testing::HasSubstr;
using Call = std::array<std::uint32_t, 4>;
using namespace std::string_literals;

constexpr std::uint32_t tag = 1u << 31;
const auto utf8 = StringEncoding::utf8, utf16 = StringEncoding::utf16, mixed = StringEncoding::latin1_utf16;

struct Strings : testing::Test {
  TypeArena types;
  TypeRef string = types.primitive(TypeKind::string);
  Memory memory;
  std::uint64_t slots[2] = {};

  Result<Value> lift(StringEncoding encoding, std::string bytes, std::uint32_t tagged) {
    memory.put_text(16, bytes);
    LiftLowerContext side = memory.context(encoding);
    slots[0] = 16;
    slots[1] = tagged;
    return lift_flat(side, slots, string);
  }
  std::string trap(StringEncoding encoding, std::string bytes, std::uint32_t tagged) {
    Result<Value> value = lift(encoding, std::move(bytes), tagged);
    return value ? "no trap" : value.error().message();
  }
  // The bytes that stand in memory after lowering.
  std::string lower(StringEncoding encoding, Value value) {
    LiftLowerContext side = memory.context(encoding);
    memory.log.clear();
    Result<void> result = lower_flat(side, std::move(value), slots, string);
    if (!result) return result.error().message();
    std::uint32_t units = slots[1] & ~tag;
    bool wide = encoding == utf16 || (slots[1] & tag);
    return memory.text(slots[0], wide ? 2 * units : units);
  }
};

TEST_F(Strings, EachEncodingIsReadAsTextOfTheHost) {
  EXPECT_EQ(lift(utf8, "h\xc3\xb6", 3)->as_string(), "h\xc3\xb6");
  EXPECT_EQ(lift(utf16, "h\0\xf6\0\x03\x26\x3c\xd8\x70\xdf"s, 5)->as_string(), "h\xc3\xb6\xe2\x98\x83\xf0\x9f\x8d\xb0");
  EXPECT_EQ(lift(mixed, "h\xf6", 2)->as_string(), "h\xc3\xb6");
  EXPECT_EQ(lift(mixed, "\x03\x26"s, 1 | tag)->as_string(), "\xe2\x98\x83");
}

TEST_F(Strings, WhatIsNoTextTraps) {
  EXPECT_THAT(trap(utf8, "\xff", 1), HasSubstr("invalid utf-8"));
  EXPECT_THAT(trap(utf8, "ab\xc3", 3), HasSubstr("incomplete utf-8 byte sequence"));
  EXPECT_THAT(trap(utf8, "\xed\xa0\x80", 3), HasSubstr("invalid utf-8"));
  EXPECT_THAT(trap(utf8, "\xc0\x80", 2), HasSubstr("invalid utf-8"));
  EXPECT_THAT(trap(utf8, "\xf4\x90\x80\x80", 4), HasSubstr("invalid utf-8"));
  EXPECT_THAT(trap(utf16, "\x00\xd8"s, 1), HasSubstr("unpaired surrogate"));
  EXPECT_THAT(trap(utf16, "\x00\xdc\x00\xd8"s, 2), HasSubstr("unpaired surrogate"));
  EXPECT_THAT(trap(utf16, "\x00\xd8\x41\x00"s, 2), HasSubstr("unpaired surrogate"));
}

TEST_F(Strings, LengthsAreLimitedAndChecked) {
  LiftLowerContext side = memory.context(utf8);
  slots[0] = 0xdeadbeef, slots[1] = 0;
  EXPECT_THAT(lift_flat(side, slots, string).error().message(),
              HasSubstr("string pointer/length out of bounds of memory"));
  slots[0] = 0, slots[1] = max_byte_length + 1;
  EXPECT_THAT(lift_flat(side, slots, string).error().message(), HasSubstr("limit"));
  side.encoding = utf16;
  slots[0] = 1, slots[1] = 0;
  EXPECT_THAT(lift_flat(side, slots, string).error().message(), HasSubstr("unaligned pointer"));
  slots[0] = 0, slots[1] = 0xffff'ffff;
  EXPECT_FALSE(lift_flat(side, slots, string));
}

TEST_F(Strings, Utf8ToUtf8IsOneAllocation) {
  EXPECT_EQ(lower(utf8, Value::string("h\xc3\xb6")), "h\xc3\xb6");
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 1, 3}));
}

TEST_F(Strings, Utf8ToUtf16AsksForTheWorstCaseAndShrinks) {
  EXPECT_EQ(lower(utf16, Value::string("a\xc3\xb6")), "a\0\xf6\0"s);
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 2, 6}, Call{1024, 6, 2, 4}));
}

TEST_F(Strings, Utf16ToUtf8HopesForAsciiThenGrowsThenShrinks) {
  EXPECT_EQ(lower(utf8, Value::string("abc", StringOrigin::utf16)), "abc");
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 1, 3}));
  EXPECT_EQ(lower(utf8, Value::string("a\xc3\xb6", StringOrigin::utf16)), "a\xc3\xb6");
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 1, 2}, Call{1027, 2, 1, 6}, Call{1029, 6, 1, 3}));
}

TEST_F(Strings, Latin1ToUtf8ExpectsTwoBytesAtMost) {
  EXPECT_EQ(lower(utf8, Value::string("\xc3\xb6", StringOrigin::latin1)), "\xc3\xb6");
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 1, 1}, Call{1024, 1, 1, 2}));
}

TEST_F(Strings, Utf8ToMixedStaysLatin1OrInflates) {
  EXPECT_EQ(lower(mixed, Value::string("a\xc3\xb6")), "a\xf6");
  EXPECT_EQ(slots[1], 2u);
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 2, 3}, Call{1024, 3, 2, 2}));
  EXPECT_EQ(lower(mixed, Value::string("\xc3\xb6\xe2\x98\x83")), "\xf6\0\x03\x26"s);
  EXPECT_EQ(slots[1], 2u | tag);
}

TEST_F(Strings, TaggedUtf16ToMixedFallsBackToLatin1) {
  EXPECT_EQ(lower(mixed, Value::string("\xc3\xb6", StringOrigin::tagged_utf16)), "\xf6");
  EXPECT_EQ(slots[1], 1u);
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 2, 2}, Call{1024, 2, 1, 1}));
  EXPECT_EQ(lower(mixed, Value::string("\xe2\x98\x83", StringOrigin::tagged_utf16)), "\x03\x26"s);
  EXPECT_EQ(slots[1], 1u | tag);
}

TEST_F(Strings, AnEmptyStringAsksForNothingAtItsAlignment) {
  EXPECT_EQ(lower(utf8, Value::string("")), "");
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 1, 0}));
  EXPECT_EQ(lower(utf16, Value::string("")), "");
  EXPECT_THAT(memory.log, ElementsAre(Call{0, 0, 2, 0}));
}

TEST_F(Strings, AReallocThatMovesBeyondTheEndWhileGrowingTraps) {
  struct Shifting final : Reallocator {
    Memory& memory_;
    int calls = 0;
    explicit Shifting(Memory& memory) : memory_(memory) {}
    Result<std::uint32_t> reallocate(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) override {
      return calls++ ? 4090 : 16;
    }
    MemoryView memory() override { return memory_.memory(); }
  } shifting(memory);
  LiftLowerContext side{memory.memory(), mixed, &shifting};
  Result<void> result = lower_flat(side, Value::string("ab\xe2\x98\x83 and more text"), slots, string);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("realloc return: beyond end of memory"));
}

TEST(Utf8, ChecksAgreeWithACountOfEveryTwoAndThreeByteSequence) {
  // Unicode defines 1920 sequences of two bytes and 61440 of three.
  int two = 0, three = 0;
  for (int a = 0x80; a < 0x100; ++a) {
    for (int b = 0; b < 0x100; ++b) {
      char pair[] = {static_cast<char>(a), static_cast<char>(b)};
      two += detail::check_utf8({pair, 2}).at == 2;
      if (a < 0xe0 || a > 0xef) continue;
      for (int c = 0x80; c < 0xc0; ++c) {
        char triple[] = {pair[0], pair[1], static_cast<char>(c)};
        three += detail::check_utf8({triple, 3}).at == 3;
      }
    }
  }
  EXPECT_EQ(two, 1920);
  EXPECT_EQ(three, 61440);
}

}  // namespace
}  // namespace crank::component
