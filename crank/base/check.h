// Bugs, not errors: a check that fails names the condition, the place and the values, and ends the process (in a guest:
// traps). Always on. An expected outcome is a Result (crank/base/result.h), never a check.
#pragma once

#include <string>

#include "crank/base/text.h"

namespace crank::detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const char* function,
                               const std::string& sentence);
}  // namespace crank::detail

/// CRANK_CHECK(size <= limit, "the frame is larger than its slab: ", size, " > ", limit);
#define CRANK_CHECK(condition, ...)                                                                          \
  do {                                                                                                       \
    if (!(condition)) [[unlikely]]                                                                           \
      ::crank::detail::check_failed(#condition, __FILE__, __LINE__, __func__, ::crank::concat(__VA_ARGS__)); \
  } while (false)
