#include "crank/component/match.h"

#include <gmock/gmock.h>

#include "crank/component/component_text.h"

namespace crank::component {
namespace {

using testing::HasSubstr;

/// Whether the import of `importer` is filled by the export of `provider`; the error's message, or empty.
std::string linked(std::string_view importer_text, std::string_view provider_text) {
  auto importer = program_of(importer_text), provider = program_of(provider_text);
  if (importer->import_items.empty() || provider->exports.empty()) return "(nothing to match)";
  auto fits = Matcher(*importer, *provider).satisfies(importer->import_items[0], provider->exports[0].item);
  return fits ? "" : fits.error().message();
}

// Imports re-exported are the shortest providers.
std::string provides(std::string_view type) {
  return concat("(component (import \"p\" ", type, ") (export \"x\" (instance 0)))");
}
std::string wants(std::string_view type) { return concat("(component (import \"x\" ", type, "))"); }

TEST(Match, AnInstanceMayHaveMoreThanIsAskedFor) {
  auto more = provides("(instance (export \"f\" (func (param \"a\" (list u8)))) (export \"g\" (func)))");
  EXPECT_EQ(linked(wants("(instance (export \"f\" (func (param \"a\" (list u8)))))"), more), "");
}

TEST(Match, AMissingMemberIsNamedWithItsNearest) {
  auto message =
      linked(wants("(instance (export \"colour\" (func)))"), provides("(instance (export \"color\" (func)))"));
  EXPECT_THAT(message, HasSubstr("asks for `colour`"));
  EXPECT_THAT(message, HasSubstr("did you mean `color`?"));
}

TEST(Match, AMismatchShowsBothTypesInWit) {
  auto message = linked(wants("(instance (export \"f\" (func (param \"a\" string) (result (option u32)))))"),
                        provides("(instance (export \"f\" (func async (param \"a\" string))))"));
  EXPECT_THAT(message, HasSubstr("linking `x#f`: the importer asks for func(a: string) -> option<u32>, the provider "
                                 "has async func(a: string)"));
}

TEST(Match, NamesOfFieldsAndParametersCount) {
  EXPECT_NE(linked(wants("(instance (export \"f\" (func (param \"a\" u8))))"),
                   provides("(instance (export \"f\" (func (param \"b\" u8))))")),
            "");
  auto record = [](std::string_view field) {
    return concat("(instance (type $r (record (field \"", field, "\" u8))) (export \"r\" (type (eq $r))))");
  };
  EXPECT_EQ(linked(wants(record("a")), provides(record("a"))), "");
  EXPECT_NE(linked(wants(record("a")), provides(record("b"))), "");
}

TEST(Match, ResourcesArePairedByNameAndThenStayPaired) {
  auto api = [](std::string_view first, std::string_view second) {
    return concat(
        "(instance (export \"r\" (type $r (sub resource))) (export \"s\" (type $s (sub resource))) (export \"f\" (func "
        "(param \"a\" (own ",
        first, ")) (param \"b\" (borrow ", second, ")))))");
  };
  EXPECT_EQ(linked(wants(api("$r", "$s")), provides(api("$r", "$s"))), "");
  EXPECT_NE(linked(wants(api("$r", "$s")), provides(api("$s", "$r"))), "");
}

TEST(Match, TheMappingRemembersWhichResourceStandsForWhich) {
  auto text = "(instance (export \"r\" (type $r (sub resource))) (export \"f\" (func (param \"a\" (own $r)))))";
  auto importer = program_of(wants(text)), provider = program_of(provides(text));
  Matcher matcher(*importer, *provider);
  ASSERT_TRUE(matcher.satisfies(importer->import_items[0], provider->exports[0].item));
  EXPECT_EQ(matcher.resources().find(importer->import_items[0].item.exports[0].item.resource_id),
            provider->exports[0].item.exports[0].item.resource_id);
}

TEST(Match, VersionsAreCompatibleAsSemverSays) {
  EXPECT_TRUE(compatible_names("a:b/c@1.2.0", "a:b/c@1.9.3"));
  EXPECT_TRUE(compatible_names("a:b/c@0.2.6", "a:b/c@0.2.1"));
  EXPECT_TRUE(compatible_names("a:b/c", "a:b/c"));
  EXPECT_FALSE(compatible_names("a:b/c@1.2.0", "a:b/c@2.0.0"));
  EXPECT_FALSE(compatible_names("a:b/c@0.2.0", "a:b/c@0.3.0"));
  EXPECT_FALSE(compatible_names("a:b/c@0.0.1", "a:b/c@0.0.2"));
  EXPECT_FALSE(compatible_names("a:b/c@1.0.0-rc.1", "a:b/c@1.0.0"));
  EXPECT_FALSE(compatible_names("a:b/c@1.0.0", "a:b/c"));
  EXPECT_FALSE(compatible_names("a:b/c@1.0.0", "a:b/d@1.0.0"));
}

TEST(Match, TheExactVersionWinsAndElseTheNewest) {
  std::vector<std::string_view> names{"a:b/c@1.2.0", "a:b/c@1.10.0", "a:b/c@1.9.0", "a:b/c@2.0.0"};
  EXPECT_EQ(find_compatible("a:b/c@1.2.0", names), 0u);
  EXPECT_EQ(find_compatible("a:b/c@1.0.0", names), 1u);
  EXPECT_EQ(find_compatible("a:b/c@3.0.0", names), std::nullopt);
}

TEST(Match, TheNearestNameIsASlipOfThePenAway) {
  std::vector<std::string_view> names{"monotonic-clock", "wall-clock", "a:b/c@0.2.0"};
  EXPECT_EQ(nearest("monotonic-clok", names), "monotonic-clock");
  EXPECT_EQ(nearest("a:b/c@0.3.0", names), "a:b/c@0.2.0");
  EXPECT_EQ(nearest("filesystem", names), "");
  std::vector<std::string_view> items{"a:b/c@0.2.0#read", "a:b/c@0.2.0#write"};
  EXPECT_EQ(nearest("a:b/c@0.3.0#wrote", items), "a:b/c@0.2.0#write");
  EXPECT_EQ(did_you_mean("filesystem", names), "");
}

}  // namespace
}  // namespace crank::component
