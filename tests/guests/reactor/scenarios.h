// The eleven scheduling scenarios (P8): small programs that write down the order in which things happen. One source, run
// natively on the manual FIFO executor and inside a guest; the lines must be the same (tests/guests/reactor/scenarios.txt).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "crank/async/task.h"

namespace scenarios {

/// What happened, a line each.
class Lines {
 public:
  void operator()(std::string_view line) { text_.append(line).push_back('\n'); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Scenario {
  const char* name;
  crank::Task<> (*run)(Lines& lines);
};

/// All of them, in the order of the list in DESIGN P8.
std::span<const Scenario> all();

}  // namespace scenarios
