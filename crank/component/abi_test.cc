#include "crank/component/abi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crank/component/abi_test_memory.h"
#include "crank/component/type_arena.h"

namespace crank::component {
namespace {

using test::Memory;
using testing::ElementsAre;
using testing::HasSubstr;

struct Abi : testing::Test {
  TypeArena types;
  TypeRef t(TypeKind kind) { return types.primitive(kind); }
  TypeRef u8 = t(TypeKind::u8), u32 = t(TypeKind::u32), u64 = t(TypeKind::u64), f32 = t(TypeKind::f32),
          f64 = t(TypeKind::f64), s8 = t(TypeKind::s8), bool_ = t(TypeKind::bool_), char_ = t(TypeKind::char_),
          string = t(TypeKind::string);
  Memory memory;
  LiftLowerContext side = memory.context();

  const FuncType& function(std::vector<TypeRef> params, TypeRef result, bool async_ = false) {
    std::vector<Field> fields;
    for (TypeRef type : params) fields.push_back({concat("p", fields.size()), type});
    return *types.function(std::move(fields), result, async_);
  }
  template <class T>
  void expect_trap(const Result<T>& result, const char* text) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::trap);
    EXPECT_THAT(result.error().message(), HasSubstr(text));
  }
};

// ---- scalars ----

TEST_F(Abi, ReadingANumberTakesOnlyItsOwnBits) {
  std::uint64_t slots[] = {0xffff'ffff'1234'56ff};
  EXPECT_EQ(lift_flat(side, slots, u8)->as_u32(), 0xffu);
  EXPECT_EQ(lift_flat(side, slots, s8)->as_s64(), -1);
  EXPECT_EQ(lift_flat(side, slots, u32)->as_u32(), 0x1234'56ffu);
  EXPECT_EQ(lift_flat(side, slots, u64)->as_u64(), 0xffff'ffff'1234'56ffu);
}

TEST_F(Abi, AnyNonZeroByteIsTrueAndTrueIsStoredAsOne) {
  memory.put<std::uint8_t>(5, 0x80);
  Result<Value> value = load(side, 5, bool_);
  EXPECT_TRUE(value->as_bool());
  ASSERT_TRUE(store(side, *std::move(value), 6, bool_));
  EXPECT_EQ(memory.get<std::uint8_t>(6), 1);
}

TEST_F(Abi, ANegativeNumberFillsThirtyTwoBitsOfItsSlot) {
  std::uint64_t slot[] = {0};
  ASSERT_TRUE(lower_flat(side, Value::scalar(Value::Kind::s8, 0xff), slot, s8));
  EXPECT_EQ(slot[0], 0xffff'ffffu);
}

TEST_F(Abi, ANanIsMadeCanonicalWhenItIsLifted) {
  std::uint64_t slots[] = {0xffc0'0001};
  EXPECT_EQ(lift_flat(side, slots, f32)->bits(), 0x7fc0'0000u);
  memory.put<std::uint64_t>(8, 0xfff0'0000'0000'0001);
  EXPECT_EQ(load(side, 8, f64)->bits(), 0x7ff8'0000'0000'0000u);
  memory.put<std::uint64_t>(8, 0x7ff0'0000'0000'0000);
  EXPECT_EQ(load(side, 8, f64)->bits(), 0x7ff0'0000'0000'0000u) << "infinity is a number";
}

TEST_F(Abi, SurrogatesAndNumbersBeyondUnicodeAreNoChar) {
  for (std::uint64_t bad : {0xd800u, 0xdfffu, 0x11'0000u, 0xffff'ffffu}) {
    std::uint64_t slots[] = {bad};
    expect_trap(lift_flat(side, slots, char_), "invalid `char` bit pattern");
  }
  for (std::uint64_t good : {0x0u, 0xd7ffu, 0xe000u, 0x10'ffffu}) {
    std::uint64_t slots[] = {good};
    EXPECT_EQ(lift_flat(side, slots, char_)->bits(), good);
  }
}

// ---- pointers ----

TEST_F(Abi, AValueMustBeAlignedAndInBounds) {
  expect_trap(load(side, 2, u32), "unaligned pointer");
  expect_trap(load(side, 4096, u32), "out of bounds");
  expect_trap(load(side, 0xffff'fffc, u32), "out of bounds");
  EXPECT_TRUE(load(side, 4092, u32));
}

TEST_F(Abi, AnEmptyListStillHasItsPointerChecked) {
  TypeRef list = types.list(u32);
  std::uint64_t at_end[] = {4096, 0}, beyond[] = {4100, 0}, odd[] = {2, 0};
  EXPECT_EQ(lift_flat(side, at_end, list)->element_count(), 0u);
  expect_trap(lift_flat(side, beyond, list), "list content out-of-bounds");
  expect_trap(lift_flat(side, odd, list), "unaligned pointer");
}

TEST_F(Abi, AListLengthThatWrapsAroundIsOutOfBounds) {
  std::uint64_t slots[] = {8, 0x4000'0001};
  expect_trap(lift_flat(side, slots, types.list(u32)), "too long");
  std::uint64_t most[] = {8, max_byte_length / 4};
  expect_trap(lift_flat(side, most, types.list(u32)), "out of bounds");
}

TEST_F(Abi, WhatReallocAnswersIsCheckedForAlignmentThenBoundsEvenForNothing) {
  std::uint64_t slots[2];
  memory.forced = 0xffff'ffff;
  expect_trap(lower_flat(side, Value::list({}), slots, types.list(u32)), "realloc return: result not aligned");
  memory.forced = 0xffff'fffc;
  expect_trap(lower_flat(side, Value::list({}), slots, types.list(u32)), "realloc return: beyond end of memory");
}

TEST_F(Abi, AFailingReallocIsTheErrorOfTheCall) {
  memory.refuse = true;
  std::uint64_t slots[2];
  expect_trap(lower_flat(side, Value::string("x"), slots, string), "unreachable in realloc");
}

TEST_F(Abi, StoringAStringWithoutReallocIsATrapAndNoCrash) {
  LiftLowerContext bare{memory.memory()};
  std::uint64_t slots[2];
  expect_trap(lower_flat(bare, Value::string("x"), slots, string), "name no realloc");
}

TEST_F(Abi, AMemoryThatGrewDuringReallocIsSeen) {
  struct Growing final : Reallocator {
    std::vector<std::byte> bytes = std::vector<std::byte>(1 << 16);
    std::uint64_t size = 64;
    Result<std::uint32_t> reallocate(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) override {
      size = 1 << 16;
      return 4096;
    }
    MemoryView memory() override { return {bytes.data(), size}; }
  } growing;
  LiftLowerContext context{growing.memory(), StringEncoding::utf8, &growing};
  std::uint64_t slots[2];
  ASSERT_TRUE(lower_flat(context, Value::string("grown"), slots, string));
  EXPECT_EQ(slots[0], 4096u);
}

// ---- aggregates ----

TEST_F(Abi, ListsOfNumbersCrossAsPackedBytes) {
  memory.put<std::uint32_t>(16, 0x0403'0201);
  std::uint64_t slots[] = {16, 4};
  Result<Value> value = lift_flat(side, slots, types.list(u8));
  ASSERT_EQ(value->kind(), Value::Kind::packed);
  EXPECT_THAT(value->packed_bytes(), ElementsAre(std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}));
}

TEST_F(Abi, ARecordIsStoredAtItsOffsetsAndPaddingIsLeftAlone) {
  TypeRef record = types.record({{"a", u8}, {"b", u32}, {"c", u64}});
  for (std::uint32_t i = 0; i < 32; ++i) memory.put<std::uint8_t>(i, 0xaa);
  std::vector<Value> fields;
  fields.push_back(Value::u8(1));
  fields.push_back(Value::u32(2));
  fields.push_back(Value::u64(3));
  ASSERT_TRUE(store(side, Value::list(std::move(fields)), 8, record));
  EXPECT_EQ(memory.get<std::uint32_t>(8), 0xaaaa'aa01u);
  EXPECT_EQ(memory.get<std::uint32_t>(12), 2u);
  EXPECT_EQ(memory.get<std::uint64_t>(16), 3u);
  EXPECT_EQ(memory.get<std::uint32_t>(24), 0xaaaa'aaaau);
}

TEST_F(Abi, ADiscriminantBeyondTheCasesTraps) {
  TypeRef option = types.option(u8);
  memory.put<std::uint8_t>(4, 2);
  expect_trap(load(side, 4, option), "invalid variant discriminant");
  std::uint64_t slots[] = {2, 0};
  expect_trap(lift_flat(side, slots, option), "invalid variant discriminant");
}

TEST_F(Abi, CasesShareTheirJoinedSlotsAndUnusedOnesAreZero) {
  TypeRef mix = types.variant({{"f", f32}, {"l", u64}, {"n", nullptr}});
  std::uint64_t slots[] = {0, 0xffff'ffff'4049'0fdb};
  EXPECT_EQ(lift_flat(side, slots, mix)->payload().bits(), 0x4049'0fdbu);
  slots[0] = slots[1] = ~0ull;
  ASSERT_TRUE(lower_flat(side, Value::variant(0, Value::scalar(Value::Kind::f32, 0x4049'0fdb)), slots, mix));
  EXPECT_THAT(slots, ElementsAre(0, 0x4049'0fdb));
  slots[1] = ~0ull;
  ASSERT_TRUE(lower_flat(side, Value::variant(2), slots, mix));
  EXPECT_THAT(slots, ElementsAre(2, 0));
}

TEST_F(Abi, FlagsBeyondTheLabelsAreDroppedWhenLifted) {
  TypeRef flags = types.flags({"a", "b", "c"});
  std::uint64_t slots[] = {0xff};
  EXPECT_EQ(lift_flat(side, slots, flags)->bits(), 7u);
}

TEST_F(Abi, AFixedListOfNumbersLiesInItsSlots) {
  TypeRef four = types.fixed_list(s8, 3);
  std::uint64_t slots[3];
  std::byte bytes[] = {std::byte{1}, std::byte{0xff}, std::byte{3}};
  ASSERT_TRUE(lower_flat(side, Value::packed(Value::Kind::s8, std::span<const std::byte>(bytes)), slots, four));
  EXPECT_THAT(slots, ElementsAre(1, 0xffff'ffff, 3));
  EXPECT_EQ(*lift_flat(side, slots, four), Value::packed(Value::Kind::s8, std::span<const std::byte>(bytes)));
}

// ---- what the host gives ----

TEST_F(Abi, AHostValueOfAnotherTypeIsAnErrorAndNoCrash) {
  std::uint64_t slots[4];
  auto bad = [&](Value value, TypeRef type) {
    EXPECT_FALSE(check_value(value, type));
    Result<void> result = lower_flat(side, std::move(value), slots, type);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::bad_type);
  };
  bad(Value::u8(1), u32);
  bad(Value::string("\xff"), string);
  bad(Value::scalar(Value::Kind::char_, 0xd800), char_);
  bad(Value::u8(1), types.tuple({u8, u8}));
  bad(Value::list({}), types.tuple({u8, u8}));
  bad(Value::variant(2), types.option(u8));
  bad(Value::variant(0, Value::u8(1)), types.option(u8));
  bad(Value(), types.option(u8));
  bad(Value::flags(8), types.flags({"a", "b", "c"}));
  bad(Value::u8(1), types.own(ResourceId{0}));
  bad(Value::packed(Value::Kind::u16, std::vector<std::byte>(2)), types.list(u8));
  bad(Value::bytes(std::vector<std::byte>(2)), types.list(string));
  bad(Value::bytes(std::vector<std::byte>(2)), types.fixed_list(u8, 3));
}

TEST_F(Abi, CheckValueNamesTheWayToWhatIsWrong) {
  TypeRef record = types.record({{"names", types.list(string)}});
  std::vector<Value> names, fields;
  names.push_back(Value::string("a"));
  names.push_back(Value::u8(1));
  fields.push_back(Value::list(std::move(names)));
  Result<void> result = check_value(Value::list(std::move(fields)), record);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "field names: element 1: expected string, found u8");
}

TEST_F(Abi, ListsThatNameTheSameBytesManyTimesHitTheBudget) {
  TypeRef deep = types.list(types.list(u8));
  for (std::uint32_t i = 0; i < 100; ++i) {
    memory.put<std::uint32_t>(8 * i, 0);
    memory.put<std::uint32_t>(8 * i + 4, 4096);
  }
  std::uint64_t slots[] = {0, 100};
  side.budget = 100'000;
  Result<Value> value = lift_flat(side, slots, deep);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code(), Code::limit);
}

// ---- signatures and calls ----

TEST_F(Abi, SixteenParametersAreFlatSeventeenAreAPointer) {
  const FuncType& sixteen = function(std::vector<TypeRef>(16, u32), nullptr);
  const FuncType& seventeen = function(std::vector<TypeRef>(17, u32), nullptr);
  EXPECT_EQ(signature_of_lift(sixteen, false, false).param_count, 16);
  EXPECT_EQ(signature_of_lift(seventeen, false, false).param_count, 1);
  EXPECT_TRUE(signature_of_lift(seventeen, false, false).params_in_memory);
}

TEST_F(Abi, AnAsyncLowerTakesFourParametersFlatAndItsResultThroughMemory) {
  CoreSignature four = signature_of_lower(function({u32, u64, f32, f64}, string, true), true);
  EXPECT_EQ(four.param_count, 5);
  EXPECT_FALSE(four.params_in_memory);
  EXPECT_TRUE(four.result_in_memory);
  CoreSignature five = signature_of_lower(function({u32, u64, f32, f64, u8}, nullptr, true), true);
  EXPECT_EQ(five.param_count, 1);
  EXPECT_EQ(five.result_count, 1);
  EXPECT_EQ(five.result, CoreType::i32);
}

TEST_F(Abi, ASyncResultOfTwoValuesIsAPointerOut) {
  const FuncType& type = function({u32}, types.tuple({u32, u32}));
  CoreSignature lift = signature_of_lift(type, false, false), lower = signature_of_lower(type, false);
  EXPECT_EQ(lift.result_count, 1);
  EXPECT_TRUE(lift.result_in_memory);
  EXPECT_EQ(lower.param_count, 2);
  EXPECT_EQ(lower.result_count, 0);
}

TEST_F(Abi, ParametersAndResultsReturnThroughValues) {
  const FuncType& type = function({u32, string}, types.tuple({string, u8}), true);
  Memory caller, callee;
  caller.put_text(100, "hi");
  std::uint64_t given[] = {7, 100, 2, 200};
  LiftLowerContext from = caller.context(), to = callee.context();
  Result<std::vector<Value>> values = lift_parameters(from, type, true, given);
  ASSERT_TRUE(values);
  std::uint64_t core[16];
  ASSERT_EQ(lower_parameters(to, type, *values, core).value(), 3u);
  EXPECT_EQ(core[0], 7u);
  EXPECT_EQ(callee.text(core[1], core[2]), "hi");

  std::uint64_t returned[] = {core[1], core[2], 9};
  Result<Value> result = lift_result(to, type, 16, returned);
  ASSERT_TRUE(result);
  std::uint64_t unused[1];
  ASSERT_EQ(lower_result(from, type, 0, *std::move(result), 200, unused).value(), 0u);
  EXPECT_EQ(caller.text(caller.get<std::uint32_t>(200), 2), "hi");
  EXPECT_EQ(caller.get<std::uint8_t>(208), 9);
}

TEST_F(Abi, ACopyBetweenTwoSidesEqualsLiftingAndLowering) {
  TypeRef rich =
      types.record({{"name", string}, {"bytes", types.list(u8)}, {"more", types.list(types.option(string))}});
  const FuncType& type = function({rich, f64}, rich, true);
  Memory caller, by_value, by_copy;
  caller.put_text(100, "h\xc3\xb6");
  for (std::uint32_t i = 0; i < 2; ++i) {
    caller.put<std::uint8_t>(200 + 12 * i, i);
    caller.put<std::uint32_t>(204 + 12 * i, 100);
    caller.put<std::uint32_t>(208 + 12 * i, 3);
  }
  for (std::uint32_t i = 0; auto word : {100u, 3u, 100u, 2u, 200u, 2u}) caller.put<std::uint32_t>(304 + 4 * i++, word);
  caller.put<double>(328, 2.5);
  std::uint64_t given[] = {304, 600};  // seven flat parameters: an async lower passes a pointer
  LiftLowerContext from = caller.context(), first = by_value.context(), second = by_copy.context();
  std::uint64_t core[16] = {}, copied[16] = {};
  Result<std::vector<Value>> values = lift_parameters(from, type, true, given);
  ASSERT_TRUE(values) << values.error().message();
  ASSERT_EQ(lower_parameters(first, type, *values, core).value(), 7u);
  ASSERT_EQ(copy_parameters(from, type, true, given, second, type, copied).value(), 7u);
  EXPECT_TRUE(std::equal(core, core + 16, copied));
  EXPECT_EQ(by_value.bytes, by_copy.bytes);
  EXPECT_EQ(by_value.log, by_copy.log);

  LiftLowerContext back = caller.context();
  ASSERT_EQ(copy_result(second, type, 16, copied, back, type, 0, 600, {}).value(), 0u);
  Result<Value> result = load(back, 600, rich);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->elements()[0].as_string(), "h\xc3\xb6");
  EXPECT_EQ(result->elements()[2].elements()[1].payload().as_string(), "h\xc3\xb6");
}

TEST_F(Abi, SlotsOfTheEngineAreReadAtTheirOwnStride) {
  struct alignas(16) Raw {
    std::uint64_t low, high;
  } raw[2] = {{5, 99}, {6, 99}};
  Slots slots(raw, 2, sizeof(Raw));
  EXPECT_EQ(lift_flat(side, slots, types.tuple({u32, u32}))->elements()[1].as_u32(), 6u);
  ASSERT_TRUE(lower_flat(side, Value::u32(8), slots.from(1), u32));
  EXPECT_EQ(raw[1].low, 8u);
  EXPECT_EQ(raw[1].high, 99u);
}

TEST_F(Abi, TooFewCoreValuesAreAnErrorAndNoCrash) {
  std::uint64_t one[] = {1};
  EXPECT_FALSE(lift_flat(side, one, string));
  EXPECT_FALSE(lift_parameters(side, function({string}, nullptr), false, one));
}

// ---- streams ----

TEST_F(Abi, ABufferIsCheckedWhenItIsGivenAndNotWhenEmpty) {
  EXPECT_TRUE(check_buffer(side, u32, 3, 0));
  EXPECT_TRUE(check_buffer(side, nullptr, 0xffff'ffff, 5));
  expect_trap(check_buffer(side, u32, 3, 1), "unaligned pointer");
  expect_trap(check_buffer(side, u32, 4092, 2), "out of bounds");
  expect_trap(check_buffer(side, nullptr, 0, 1u << 28), "too long");
}

TEST_F(Abi, ElementsMoveByValueOrDirectly) {
  Memory reader;
  LiftLowerContext to = reader.context();
  memory.put_text(16, "abcd");
  Result<Value> some = load_elements(side, 16, 4, u8);
  ASSERT_TRUE(some);
  ASSERT_TRUE(store_elements(to, *some, 1, 2, 40, u8));
  EXPECT_EQ(reader.text(40, 2), "bc");
  ASSERT_TRUE(copy_elements(side, 16, u8, to, 50, u8, 4));
  EXPECT_EQ(reader.text(50, 4), "abcd");
  EXPECT_FALSE(store_elements(to, *some, 3, 2, 40, u8));
  EXPECT_EQ(load_elements(side, 0, 3, nullptr)->element_count(), 3u);
}

TEST_F(Abi, EventsAreTwoWordsInBounds) {
  ASSERT_TRUE(store_pair(side, 8, 1, 2));
  EXPECT_EQ(memory.get<std::uint32_t>(12), 2u);
  expect_trap(store_pair(side, 4092, 1, 2), "out of bounds");
}

// ---- handles ----

struct FakeTable final : HandleAccess {
  std::vector<Ref<HandleObject>> rows{1};
  Result<Ref<HandleObject>> take(std::uint32_t index) {
    if (index == 0 || index >= rows.size() || !rows[index])
      return fail(Code::trap, concat("unknown handle index ", index));
    return std::exchange(rows[index], {});
  }
  Result<std::uint32_t> put(Ref<HandleObject> object) {
    rows.push_back(std::move(object));
    return static_cast<std::uint32_t>(rows.size() - 1);
  }
  Result<Ref<HandleObject>> lift_own(TypeRef, std::uint32_t i) override { return take(i); }
  Result<Ref<HandleObject>> lift_borrow(TypeRef, std::uint32_t i) override {
    if (i >= rows.size()) return fail(Code::trap, "unknown handle index");
    return rows[i];
  }
  Result<Ref<HandleObject>> lift_stream(TypeRef, std::uint32_t i) override { return take(i); }
  Result<Ref<HandleObject>> lift_future(TypeRef, std::uint32_t i) override { return take(i); }
  Result<Ref<HandleObject>> lift_error_context(std::uint32_t i) override { return rows[i]; }
  Result<std::uint32_t> lower_own(TypeRef, Ref<HandleObject> o) override { return put(std::move(o)); }
  Result<std::uint32_t> lower_borrow(TypeRef, Ref<HandleObject> o) override { return put(std::move(o)); }
  Result<std::uint32_t> lower_stream(TypeRef, Ref<HandleObject> o) override { return put(std::move(o)); }
  Result<std::uint32_t> lower_future(TypeRef, Ref<HandleObject> o) override { return put(std::move(o)); }
  Result<std::uint32_t> lower_error_context(Ref<HandleObject> o) override { return put(std::move(o)); }
};

TEST_F(Abi, HandlesLeaveOneTableAndEnterTheOther) {
  FakeTable mine, theirs;
  struct Thing : HandleObject {};
  Ref<HandleObject> thing = make_ref<Thing>();
  std::uint32_t index = mine.put(thing).value();
  Memory other;
  LiftLowerContext from = memory.context(StringEncoding::utf8, &mine),
                   to = other.context(StringEncoding::utf8, &theirs);
  const FuncType& type = function({types.option(types.own(ResourceId{0}))}, nullptr);
  std::uint64_t given[] = {1, index}, out[16];
  ASSERT_TRUE(copy_parameters(from, type, false, given, to, type, out));
  EXPECT_EQ(theirs.rows[out[1]].get(), thing.get());
  EXPECT_FALSE(mine.rows[index]);
  expect_trap(copy_parameters(from, type, false, given, to, type, out), "unknown handle index");
  LiftLowerContext no_table = memory.context();
  expect_trap(lift_parameters(no_table, type, false, given), "no handle table");
}

}  // namespace
}  // namespace crank::component
