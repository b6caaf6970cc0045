#include "crank/reactor/cookie_jar.h"

#include <gtest/gtest.h>

#include "crank/base/text.h"

namespace crank::reactor {
namespace {

using namespace std::chrono_literals;
constexpr CookieJar::Time start{1'700'000'000s};  // November 2023
const std::string here = "https://a.test:443", there = "https://b.test:443";

TEST(CookieJar, SendsACookieBackToItsOriginAlone) {
  CookieJar jar;
  jar.take(here, "/", "session=1; Secure; HttpOnly; Domain=b.test", start);
  EXPECT_EQ(jar.header_for(here, "/", start), "session=1");
  EXPECT_EQ(jar.header_for(there, "/", start), "");
}

TEST(CookieJar, SendsSeveralInOneFieldAndTheNewestValueOfEach) {
  CookieJar jar;
  jar.take(here, "/", "a=1", start);
  jar.take(here, "/", " b = 2 ", start);
  jar.take(here, "/", "a=3=3", start);
  EXPECT_EQ(jar.header_for(here, "/", start), "a=3=3; b=2");
}

TEST(CookieJar, KeepsToThePathOfACookie) {
  CookieJar jar;
  jar.take(here, "/x/login", "own=1", start);
  jar.take(here, "/x/login", "wide=1; path=/", start);
  jar.take(here, "/", "deep=1; Path=/x/y", start);
  EXPECT_EQ(jar.header_for(here, "/", start), "wide=1");
  EXPECT_EQ(jar.header_for(here, "/x/other", start), "own=1; wide=1");
  EXPECT_EQ(jar.header_for(here, "/x/y/z", start), "deep=1; own=1; wide=1");
  EXPECT_EQ(jar.header_for(here, "/x/yonder", start), "own=1; wide=1");
}

TEST(CookieJar, ForgetsWhatHasExpired) {
  CookieJar jar;
  jar.take(here, "/", "short=1; Max-Age=10", start);
  jar.take(here, "/", "dated=1; Expires=Tue, 14 Nov 2023 22:13:40 GMT", start);  // 20 seconds on
  jar.take(here, "/", "both=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=30", start);
  EXPECT_EQ(jar.header_for(here, "/", start + 9s), "both=1; dated=1; short=1");
  EXPECT_EQ(jar.header_for(here, "/", start + 10s), "both=1; dated=1");
  EXPECT_EQ(jar.header_for(here, "/", start + 20s), "both=1");
  EXPECT_EQ(jar.header_for(here, "/", start + 30s), "");
}

TEST(CookieJar, ACookieIsEndedByADateOrAnAgeInThePast) {
  CookieJar jar;
  for (const char* end : {"a=; Max-Age=0", "a=; max-age=-1", "a=; expires=Thu, 01-Jan-1970 00:00:00 GMT"}) {
    jar.take(here, "/", "a=1", start);
    jar.take(here, "/", end, start);
    EXPECT_EQ(jar.header_for(here, "/", start), "") << end;
  }
}

TEST(CookieJar, NonsenseIsIgnoredAndItsSizeIsBounded) {
  CookieJar jar;
  for (const char* bad : {"", "=x", "novalue", ";;;", "; Path=/"}) jar.take(here, "/", bad, start);
  jar.take(here, "/", "long=" + std::string(5000, 'x'), start);
  jar.take(here, "/", "kept=1; Expires=the day after; Max-Age=soon", start);
  EXPECT_EQ(jar.header_for(here, "/", start), "kept=1");
  for (int i = 0; i < 200; ++i) jar.take(there, "/", concat("c", i, "=1"), start);
  std::string all = jar.header_for(there, "/", start);
  EXPECT_EQ(std::count(all.begin(), all.end(), '='), 64);
}

}  // namespace
}  // namespace crank::reactor
