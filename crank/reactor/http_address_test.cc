#include "crank/reactor/http_address.h"

#include <gtest/gtest.h>

namespace crank::reactor {
namespace {

std::string read(std::string_view url) {
  auto address = parse_url(url);
  return address ? concat(address->origin(), " ", address->target) : std::string("refused");
}

TEST(HttpAddress, TakesAUrlApart) {
  EXPECT_EQ(read("https://Example.TEST"), "https://example.test:443 /");
  EXPECT_EQ(read("http://a.test:8080/x?y=1#z"), "http://a.test:8080 /x?y=1");
  EXPECT_EQ(read("https://a.test?y"), "https://a.test:443 /?y");
  EXPECT_EQ(read("http://[::1]:81/"), "http://::1:81 /");
}

TEST(HttpAddress, RefusesWhatIsNoneOrCarriesAUser) {
  for (const char* bad : {"", "a.test", "ftp://a.test/", "https://", "https:///x", "https://u:p@a.test/", "http://a:0/",
                          "http://a:70000/", "http://a:8x/", "http://[::1/", "http://[::1]x/"})
    EXPECT_EQ(read(bad), "refused") << bad;
}

TEST(HttpAddress, ResolvesARedirectFromWhereItWasSaid) {
  auto base = *parse_url("https://a.test/one/two?three");
  auto seen = [&](std::string_view location) {
    auto there = resolve_url(base, location);
    return there ? concat(there->origin(), " ", there->target) : std::string("refused");
  };
  EXPECT_EQ(seen("http://b.test/x"), "http://b.test:80 /x");
  EXPECT_EQ(seen("//b.test/x"), "https://b.test:443 /x");
  EXPECT_EQ(seen("/x"), "https://a.test:443 /x");
  EXPECT_EQ(seen("x"), "https://a.test:443 /one/x");
  EXPECT_EQ(seen("?x"), "https://a.test:443 /one/two?x");
  EXPECT_EQ(seen("#x"), "https://a.test:443 /one/two?three");
  EXPECT_EQ(seen("/x?to=http://b.test/"), "https://a.test:443 /x?to=http://b.test/");
  EXPECT_EQ(seen("ftp://b.test/"), "refused");
  EXPECT_EQ(seen("/x\r\ny: z"), "refused");
}

}  // namespace
}  // namespace crank::reactor
