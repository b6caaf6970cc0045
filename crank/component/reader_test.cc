#include "crank/component/reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace crank::component::detail {
namespace {

class Bytes {
 public:
  explicit Bytes(std::string_view text) : text_(text), reader_(std::as_bytes(std::span(text_)), failure_) {}
  Reader* operator->() { return &reader_; }
  std::string error() { return failure_.failed() ? failure_.take().message() : ""; }

 private:
  std::string text_;
  Failure failure_;
  Reader reader_;
};

TEST(Reader, IntegersAreRead) {
  EXPECT_EQ(Bytes("\x05")->u32(), 5u);
  EXPECT_EQ(Bytes("\xe5\x8e\x26")->u32(), 624485u);
  EXPECT_EQ(Bytes("\xff\xff\xff\xff\x0f")->u32(), 0xffff'ffffu);
  EXPECT_EQ(Bytes("\x7f")->s33(), -1);
  EXPECT_EQ(Bytes("\xff\xff\xff\xff\x0f")->s33(), 0xffff'ffff);
  EXPECT_EQ(Bytes("\x80\x80\x80\x80\x70")->s33(), -0x1'0000'0000);
  EXPECT_EQ(Bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")->u64(), ~std::uint64_t{0});
}

TEST(Reader, IntegersThatDoNotFitAreRefused) {
  for (std::string_view text : {"\xff\xff\xff\xff\x1f", "\xff\xff\xff\xff\xff\x01"}) {
    Bytes in(text);
    in->u32();
    EXPECT_NE(in.error(), "");
  }
  Bytes wide("\xff\xff\xff\xff\x3f");  // a sign bit that the bits above it contradict
  wide->s33();
  EXPECT_NE(wide.error(), "");
}

TEST(Reader, TheFirstFailureSticksAndEverythingAfterItIsEmpty) {
  Bytes in(
      "\x05"
      "ab");
  EXPECT_EQ(in->name("name"), "");
  EXPECT_TRUE(in->done());
  EXPECT_EQ(in->u32(), 0u);
  EXPECT_EQ(in->byte(), 0u);
  in->fail("another one");
  EXPECT_EQ(in.error(), "decoding a component: at offset 0x1: the input ends too early: 5 bytes expected, 2 left");
}

TEST(Reader, AFailureInAPartIsAFailureOfTheWhole) {
  Bytes in("\x01\x02\x03\x04");
  in->byte();
  Reader part = in->cut(2);
  EXPECT_EQ(part.offset(), 1u);
  EXPECT_EQ(part.left(), 2u);
  part.bytes(3);
  EXPECT_FALSE(in->ok());
}

TEST(Reader, Utf8IsCheckedToTheLetter) {
  for (std::string_view good :
       {"", "a", "\xc3\xa9", "\xe2\x98\x83", "\xf0\x9f\xa6\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(valid_utf8(good)) << good;
  for (std::string_view bad : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                               "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x98", "\xff"}) {
    EXPECT_FALSE(valid_utf8(bad));
  }
}

}  // namespace
}  // namespace crank::component::detail
