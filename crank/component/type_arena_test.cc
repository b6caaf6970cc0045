#include "crank/component/type_arena.h"

#include <gtest/gtest.h>

namespace crank::component {
namespace {

using K = TypeKind;

class TypeArenaTest : public testing::Test {
 protected:
  TypeArena arena;
  TypeRef of(K kind) { return arena.primitive(kind); }
};

TEST_F(TypeArenaTest, StructurallyEqualTypesAreOnePointer) {
  auto a = arena.record({{"x", of(K::u8)}, {"y", arena.list(of(K::string))}});
  auto b = arena.record({{"x", of(K::u8)}, {"y", arena.list(of(K::string))}});
  EXPECT_EQ(a, b);
  EXPECT_NE(a, arena.record({{"x", of(K::u8)}, {"z", arena.list(of(K::string))}}));
  EXPECT_NE(arena.own(ResourceId{1}), arena.own(ResourceId{2}));
  EXPECT_NE(arena.own(ResourceId{1}), arena.borrow(ResourceId{1}));
  EXPECT_EQ(arena.function({{"a", a}}, nullptr), arena.function({{"a", b}}, nullptr));
  EXPECT_NE(arena.function({{"a", a}}, nullptr), arena.function({{"a", a}}, nullptr, true));
}

TEST_F(TypeArenaTest, RecordsArePaddedAsInC) {
  auto t = arena.record({{"a", of(K::u8)}, {"b", of(K::u64)}, {"c", of(K::u16)}});
  EXPECT_EQ(t->fields[1].offset, 8u);
  EXPECT_EQ(t->fields[2].offset, 16u);
  EXPECT_EQ(t->size, 24u);
  EXPECT_EQ(t->alignment, 8u);
}

TEST_F(TypeArenaTest, VariantPayloadsFollowTheDiscriminantAndJoinWhenFlat) {
  auto t = arena.variant({{"a", of(K::f32)}, {"b", of(K::u64)}, {"c", nullptr}});
  EXPECT_EQ(t->discriminant_size, 1u);
  EXPECT_EQ(t->payload_offset, 8u);
  EXPECT_EQ(t->size, 16u);
  ASSERT_EQ(t->flat.count, 2u);
  EXPECT_EQ(t->flat.types[0], CoreType::i32);
  EXPECT_EQ(t->flat.types[1], CoreType::i64);
  auto u = arena.result(of(K::f32), of(K::u32));
  EXPECT_EQ(u->flat.types[1], CoreType::i32);
}

TEST_F(TypeArenaTest, AnEnumOf257CasesNeedsTwoBytes) {
  std::vector<std::string> names;
  for (int i = 0; i < 256; ++i) names.push_back("c" + std::to_string(i));
  EXPECT_EQ(arena.enum_(names)->size, 1u);
  names.push_back("last");
  EXPECT_EQ(arena.enum_(names)->size, 2u);
}

TEST_F(TypeArenaTest, FlagsTakeOneTwoOrFourBytes) {
  std::vector<std::string> names(8, "f");
  EXPECT_EQ(arena.flags(names)->size, 1u);
  names.resize(9, "f");
  EXPECT_EQ(arena.flags(names)->size, 2u);
  names.resize(17, "f");
  EXPECT_EQ(arena.flags(names)->size, 4u);
}

TEST_F(TypeArenaTest, FlatteningPastSixteenIsAnOverflow) {
  std::vector<TypeRef> sixteen(16, of(K::u32));
  EXPECT_FALSE(arena.tuple(sixteen)->flat.overflow);
  std::vector<TypeRef> seventeen(17, of(K::u32));
  EXPECT_TRUE(arena.tuple(seventeen)->flat.overflow);
  EXPECT_TRUE(arena.fixed_list(of(K::u8), 17)->flat.overflow);
  EXPECT_EQ(arena.fixed_list(of(K::u8), 5)->flat.count, 5);
}

TEST_F(TypeArenaTest, SizesSaturateInsteadOfWrapping) {
  auto t = arena.fixed_list(of(K::u64), 0xffff'ffff);
  EXPECT_EQ(t->size, 0xffff'ffffu);
  EXPECT_EQ(arena.tuple({t, t, of(K::u8)})->wide_size, 0xffff'ffffu);
}

TEST_F(TypeArenaTest, FactsAboutPartsAreInherited) {
  auto t = arena.option(arena.list(arena.borrow(ResourceId{3})));
  EXPECT_TRUE(t->has_borrow && t->has_handles && t->has_pointers);
  EXPECT_EQ(t->depth, 3);
  EXPECT_TRUE(of(K::u32)->numeric && of(K::f64)->numeric);
  EXPECT_FALSE(of(K::char_)->numeric || of(K::bool_)->numeric);
  EXPECT_TRUE(of(K::error_context)->has_handles);
}

TEST_F(TypeArenaTest, AMapIsAListOfPairsInMemory) {
  auto t = arena.map(of(K::string), of(K::u8));
  EXPECT_EQ(t->element, arena.tuple({of(K::string), of(K::u8)}));
  EXPECT_EQ(t->size, 8u);
  EXPECT_EQ(t->element->size, 12u);
}

TEST_F(TypeArenaTest, ParametersAreLaidOutAsATuple) {
  auto f = arena.function({{"a", of(K::u8)}, {"b", of(K::f64)}}, of(K::string));
  EXPECT_EQ(f->params[1].offset, 8u);
  EXPECT_EQ(f->params_size, 16u);
  EXPECT_EQ(f->flat_params.count, 2);
  EXPECT_EQ(f->flat_result.count, 2);
}

}  // namespace
}  // namespace crank::component
