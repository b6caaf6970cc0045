// expect: object whose reference is captured will be destroyed at the end of the full-expression
#include <string>

#include "crank/async/spawn.h"

crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<> caller() {
  crank::spawn(length(std::string("gone before the task runs"))).run_on();
  co_return;
}
