#include "crank/component/value.h"

#include <gtest/gtest.h>

namespace crank::component {
namespace {

struct Counted : HandleObject {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() override { --alive_; }
  int& alive_;
};

TEST(Value, DroppingAValueDropsTheHandlesItCarries) {
  int alive = 0;
  {
    std::vector<Value> parts;
    parts.push_back(Value::some(Value::handle(make_ref<Counted>(alive))));
    parts.push_back(Value::handle(make_ref<Counted>(alive)));
    Value list = Value::list(std::move(parts));
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Value, TakingAHandleLeavesNothingBehind) {
  int alive = 0;
  Value value = Value::handle(make_ref<Counted>(alive));
  Ref<HandleObject> taken = value.take_handle();
  EXPECT_EQ(value.kind(), Value::Kind::none);
  EXPECT_EQ(alive, 1);
  taken = {};
  EXPECT_EQ(alive, 0);
}

TEST(Value, ACloneRetainsTheSameHandle) {
  int alive = 0;
  Value value = Value::handle(make_ref<Counted>(alive));
  Value copy = value.clone();
  EXPECT_EQ(copy.as_handle(), value.as_handle());
  value = Value();
  EXPECT_EQ(alive, 1);
  copy = Value();
  EXPECT_EQ(alive, 0);
}

TEST(Value, ScalarsKeepOnlyTheBitsOfTheirType) {
  EXPECT_EQ(Value::scalar(Value::Kind::u8, 0x1ff).bits(), 0xffu);
  EXPECT_EQ(Value::scalar(Value::Kind::s8, 0xff).as_s64(), -1);
  EXPECT_EQ(Value::s32(-5).as_s64(), -5);
  EXPECT_EQ(Value::f32(1.5f).as_f32(), 1.5f);
  EXPECT_EQ(Value::f64(-0.0).bits(), 0x8000'0000'0000'0000u);
}

TEST(Value, MovingLeavesNoneAndMovesIntoItselfHarmlessly) {
  Value a = Value::string("text");
  Value b = std::move(a);
  EXPECT_EQ(a.kind(), Value::Kind::none);  // NOLINT: that is the promise
  Value& alias = b;
  b = std::move(alias);
  EXPECT_EQ(b.as_string(), "text");
}

TEST(Value, AListOfNumbersEqualsItsPackedForm) {
  std::vector<Value> numbers;
  numbers.push_back(Value::u16(1));
  numbers.push_back(Value::u16(0x302));
  std::byte bytes[] = {std::byte{1}, std::byte{0}, std::byte{2}, std::byte{3}};
  EXPECT_EQ(Value::list(std::move(numbers)), Value::packed(Value::Kind::u16, std::span<const std::byte>(bytes)));
  EXPECT_EQ(Value::list({}), Value::bytes({}));
  std::vector<Value> others;
  others.push_back(Value::u8(1));
  EXPECT_FALSE(Value::list(std::move(others)) == Value::packed(Value::Kind::u16, std::span<const std::byte>(bytes)));
}

TEST(Value, CasesAreEqualWithEqualIndexAndPayload) {
  EXPECT_EQ(Value::some(Value::u8(1)), Value::variant(1, Value::u8(1)));
  EXPECT_FALSE(Value::some(Value::u8(1)) == Value::some(Value::u8(2)));
  EXPECT_FALSE(Value::ok() == Value::error());
  EXPECT_EQ(std::as_const(static_cast<const Value&>(Value::none_option())).payload().kind(), Value::Kind::none);
}

TEST(ValueDeathTest, AskingForAnotherKindNamesBoth) {
  EXPECT_DEATH((void)Value::u8(1).as_string(), "a string was asked of a u8");
  EXPECT_DEATH((void)Value::packed(Value::Kind::u32, std::vector<std::byte>(3)), "ends inside an element");
}

}  // namespace
}  // namespace crank::component
