#include "crank/base/result.h"

#include <gtest/gtest.h>

#include "crank/base/check.h"

namespace crank {
namespace {

Result<int> half(int n) {
  if (n % 2) return fail(Code::bad_argument, concat("halving ", n, ": it is odd"));
  return n / 2;
}
Result<int> quarter(int n) {
  CRANK_TRY(int first, half(n));
  return half(first);
}

TEST(Result, TryReturnsTheErrorOfTheInnerCall) {
  EXPECT_EQ(*quarter(8), 2);
  auto odd = quarter(6);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().message(), "halving 3: it is odd");
  EXPECT_EQ(odd.error().code(), Code::bad_argument);
}

TEST(Result, AWrappedErrorTellsItsCausesOutermostFirst) {
  Error outer = std::move(half(1).error()).wrap(Code::io, "loading the table");
  EXPECT_EQ(outer.to_string(), "loading the table: halving 1: it is odd");
  ASSERT_NE(outer.cause(), nullptr);
  EXPECT_EQ(outer.cause()->code(), Code::bad_argument);
}

TEST(Check, AFailedCheckNamesConditionSentenceAndValues) {
  int found = 3;
  EXPECT_DEATH(CRANK_CHECK(found == 4, "expected four, found ", found), "expected four, found 3");
}

}  // namespace
}  // namespace crank
