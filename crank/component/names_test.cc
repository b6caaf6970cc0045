#include "crank/component/names.h"

#include <gtest/gtest.h>

namespace crank::component {
namespace {

TEST(Names, LabelsAreWordsOrAcronymsAndStartWithALetter) {
  for (auto good : {"a", "a-b-c", "a1-2-3", "A", "A1-2-3", "is-XML", "m1x3d-4CR0NYMS", "a-1"})
    EXPECT_TRUE(is_label(good)) << good;
  for (auto bad : {"", "1-2-3", "a-", "-a", "a--b", "aBc", "a_b", "é"}) EXPECT_FALSE(is_label(bad)) << bad;
}

TEST(Names, ExternNamesComeApart) {
  auto method = parse_extern_name("[method]file.read-all");
  ASSERT_TRUE(method);
  EXPECT_EQ(method->kind, ExternNameParts::method);
  EXPECT_EQ(method->resource, "file");
  EXPECT_EQ(method->member, "read-all");
  auto interface = parse_extern_name("wasi:http/types@0.3.0-rc.1");
  ASSERT_TRUE(interface);
  EXPECT_EQ(interface->package, "wasi:http");
  EXPECT_EQ(interface->member, "types");
  EXPECT_EQ(interface->version, "0.3.0-rc.1");
  for (auto bad :
       {"[method]a", "[method]a.b.c", "[other]a", "wasi/http", "A:b/c", "a:b", "a:b/c@1.", "a:b/c/d", "a:b:c/d"}) {
    std::string why;
    EXPECT_FALSE(parse_extern_name(bad, &why)) << bad;
    EXPECT_NE(why, "") << bad;
  }
}

TEST(Names, NamesThatOneLanguageCouldConfuseAreNotUnique) {
  EXPECT_EQ(uniqueness_key("foo-BAR"), uniqueness_key("foo-bar"));
  EXPECT_EQ(uniqueness_key("[method]foo.foo"), uniqueness_key("foo"));
  EXPECT_EQ(uniqueness_key("[static]foo.bar"), uniqueness_key("[method]foo.BAR"));
  EXPECT_NE(uniqueness_key("[constructor]foo"), uniqueness_key("foo"));
  EXPECT_NE(uniqueness_key("[method]foo.bar"), uniqueness_key("foo-bar"));
}

TEST(Names, VersionsFollowSemver) {
  auto v = parse_version("1.2.3-rc.1+build.5");
  ASSERT_TRUE(v);
  EXPECT_EQ(v->minor, 2u);
  EXPECT_EQ(v->prerelease, "rc.1");
  EXPECT_EQ(v->build, "build.5");
  for (auto bad : {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.x"})
    EXPECT_FALSE(parse_version(bad)) << bad;
  auto less = [](const char* a, const char* b) { return compare(*parse_version(a), *parse_version(b)) < 0; };
  EXPECT_TRUE(less("1.0.0-alpha", "1.0.0-alpha.1"));
  EXPECT_TRUE(less("1.0.0-alpha.1", "1.0.0-beta"));
  EXPECT_TRUE(less("1.0.0-beta.2", "1.0.0-beta.11"));
  EXPECT_TRUE(less("1.0.0-rc.1", "1.0.0"));
  EXPECT_TRUE(less("1.9.0", "1.10.0"));
  EXPECT_EQ(compare(*parse_version("1.0.0+a"), *parse_version("1.0.0+b")), 0);
}

TEST(Names, TheCanonicalVersionIsThePartThatMustAgree) {
  EXPECT_EQ(canonical_version("1.2.3"), "1");
  EXPECT_EQ(canonical_version("0.2.6-rc.1"), "0.2");
  EXPECT_EQ(canonical_version("0.0.1-alpha"), "0.0.1");
  EXPECT_EQ(canonical_version("10.0.0"), "10");
}

}  // namespace
}  // namespace crank::component
