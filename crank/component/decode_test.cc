#include "crank/component/decode.h"

#include <gmock/gmock.h>

#include <cstring>

#include "crank/component/component_text.h"

namespace crank::component {
namespace {

using testing::HasSubstr;

std::vector<std::byte> bytes(std::string_view text) {
  std::vector<std::byte> out(text.size());
  std::memcpy(out.data(), text.data(), text.size());
  return out;
}

Error error_of(std::string_view binary, const DecodeLimits& limits = {}) {
  auto program = decode(bytes(binary), limits);
  if (!program) return program.error();
  ADD_FAILURE() << "it was accepted";
  return Error(Code::unknown, "");
}

constexpr std::string_view preamble("\0asm\x0d\0\1\0", 8);
std::string with(std::string_view sections) { return std::string(preamble).append(sections); }

constexpr std::string_view rich = R"((component $rich
  (import "wasi:x/y@1.2.3" (instance $i
    (export "r" (type $r (sub resource)))
    (export "[method]r.go" (func (param "self" (borrow $r)) (result string)))))
  (core module $libc (memory (export "mem") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $libc (instantiate $libc))
  (core func $go (canon lower (func $i "[method]r.go") (memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))))
  (core module $m (import "i" "go" (func (param i32 i32)))
    (func (export "f") (param i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $m (with "i" (instance (export "go" (func $go))))))
  (type $e (enum "a" "b"))
  (func (export "f") (param "s" string) (result bool)
    (canon lift (core func $m "f") (memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))))
  (component $inner (import "g" (func (result u32))) (export "h" (func 0)))
))";

TEST(Decode, TheEmptyComponentIsAProgramOfOneInstance) {
  auto program = decode(bytes(preamble));
  ASSERT_TRUE(program);
  EXPECT_EQ((*program)->instances.size(), 1u);
  EXPECT_EQ((*program)->instances[0].name, "root");
  EXPECT_TRUE((*program)->steps.empty());
  EXPECT_TRUE((*program)->groups.empty());
}

TEST(Decode, ACoreModuleIsRefusedAsWhatItIs) {
  auto error = error_of(std::string_view("\0asm\1\0\0\0", 8));
  EXPECT_EQ(error.code(), Code::bad_type);
  EXPECT_THAT(error.message(), HasSubstr("core module"));
}

TEST(Decode, EveryTruncationIsAnErrorOrASmallerComponentAndNeverACrash) {
  auto binary = engine::wat_to_wasm(rich);
  ASSERT_TRUE(binary) << binary.error().message();
  std::size_t accepted = 0;
  for (std::size_t n = 0; n < binary->size(); ++n) {
    auto program = decode(std::as_bytes(std::span(*binary).first(n)));
    accepted += program.has_value();
    if (!program) EXPECT_THAT(program.error().message(), HasSubstr("at offset 0x")) << n;
  }
  EXPECT_GT(accepted, 0u);  // cut between two sections
  EXPECT_LT(accepted, 40u);
  EXPECT_TRUE(decode(std::as_bytes(std::span(*binary))));
}

TEST(Decode, EveryFlippedByteIsAnErrorOrAProgram) {
  auto binary = engine::wat_to_wasm(rich);
  ASSERT_TRUE(binary);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < binary->size(); ++i) {
    auto broken = *binary;
    broken[i] ^= 0xff;
    refused += !decode(std::as_bytes(std::span(broken)));
  }
  EXPECT_GT(refused, binary->size() / 4);
}

TEST(Decode, AnErrorNamesTheOffset) {
  auto error = error_of(with(std::string_view("\x0d\0", 2)));
  EXPECT_EQ(error.code(), Code::bad_binary);
  EXPECT_THAT(error.message(), HasSubstr("at offset 0xa: a section has the unknown id 13"));
}

TEST(Decode, ASectionMustEndWhereItSaysItEnds) {
  EXPECT_THAT(error_of(with(std::string_view("\x07\x03\x01\x7f\x00", 5))).message(), HasSubstr("1 bytes too many"));
  EXPECT_THAT(error_of(with(std::string_view("\x07\x09\x01\x7f", 4))).message(), HasSubstr("longer than what is left"));
}

TEST(Decode, ACountLargerThanTheInputIsRefusedBeforeAnythingIsAllocated) {
  EXPECT_THAT(error_of(with(std::string_view("\x07\x05\xff\xff\xff\xff\x0f", 7))).message(),
              HasSubstr("only 0 bytes are left"));
}

TEST(Decode, IntegersOfTooManyBytesAreRefused) {
  EXPECT_THAT(error_of(with(std::string_view("\x07\x06\x80\x80\x80\x80\x80\x00", 8))).message(), HasSubstr("integer"));
  EXPECT_THAT(error_of(with(std::string_view("\x07\x05\xff\xff\xff\xff\x1f", 7))).message(), HasSubstr("too large"));
}

TEST(Decode, NamesMustBeUtf8) {
  EXPECT_THAT(error_of(with(std::string_view("\x07\x06\x01\x6d\x01\x02\xc0\x80", 8))).message(),
              HasSubstr("not UTF-8"));
}

TEST(Decode, ValuesAndStartAreUnsupportedAndSaySo) {
  EXPECT_EQ(error_of(with(std::string_view("\x09\x03\0\0\0", 5))).code(), Code::unsupported);
  EXPECT_EQ(error_of(with(std::string_view("\x0c\x01\0", 3))).code(), Code::unsupported);
}

TEST(Decode, ACustomSectionMayHoldAnythingButABrokenName) {
  EXPECT_TRUE(decode(bytes(with(std::string_view("\0\x04\1xyz", 6)))));
  EXPECT_FALSE(decode(bytes(with(std::string_view("\0\x02\x05x", 4)))));
  // A name section that is broken inside is no reason to refuse.
  EXPECT_TRUE(
      decode(bytes(with(std::string_view("\0\x11\x0e"
                                         "component-name\x00\x09",
                                         19)))));
}

TEST(Decode, TheNameSectionNamesTheComponent) { EXPECT_EQ(program_of(rich)->name, "rich"); }

TEST(Decode, LimitsHold) {
  auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "(component ";
    return text + std::string(static_cast<std::size_t>(depth), ')');
  };
  EXPECT_EQ(refusal(nested(30)), "");
  EXPECT_THAT(refusal(nested(80)), HasSubstr("nested more than 64 deep"));
  DecodeLimits few;
  few.max_items = 5;
  EXPECT_THAT(refusal(rich, few), HasSubstr("more than 5 definitions"));
  DecodeLimits small;
  small.max_bytes = 100;
  EXPECT_EQ(error_of(with(std::string(200, '\0')), small).code(), Code::limit);
}

}  // namespace
}  // namespace crank::component
