// The few expectations of the laws (crank/async/laws.h) inside a guest, where there is no GoogleTest: the first that
// fails is remembered by its line.
#pragma once

#include <cstring>

namespace crank::laws {
inline int failed_line = 0, checked = 0;
inline void expect(bool holds, int line) {
  ++checked;
  if (!holds && failed_line == 0) failed_line = line;
}
// Swallows what is streamed after an expectation.
struct Nothing {
  template <class T>
  const Nothing& operator<<(const T&) const {
    return *this;
  }
};
inline Nothing expect_that(bool holds, int line) {
  expect(holds, line);
  return {};
}
}  // namespace crank::laws

#define EXPECT_TRUE(a) crank::laws::expect_that(static_cast<bool>(a), __LINE__)
#define EXPECT_FALSE(a) crank::laws::expect_that(!static_cast<bool>(a), __LINE__)
#define EXPECT_EQ(a, b) crank::laws::expect_that((a) == (b), __LINE__)
#define EXPECT_NE(a, b) crank::laws::expect_that((a) != (b), __LINE__)
#define EXPECT_LT(a, b) crank::laws::expect_that((a) < (b), __LINE__)
#define EXPECT_LE(a, b) crank::laws::expect_that((a) <= (b), __LINE__)
#define EXPECT_GT(a, b) crank::laws::expect_that((a) > (b), __LINE__)
#define EXPECT_GE(a, b) crank::laws::expect_that((a) >= (b), __LINE__)
#define EXPECT_STREQ(a, b) crank::laws::expect_that(std::strcmp(a, b) == 0, __LINE__)
