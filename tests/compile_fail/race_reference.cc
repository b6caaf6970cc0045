// expect: temporary whose address is used as value of local variable 'first'
#include <string>

#include "crank/async/race.h"

crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<std::size_t> caller() {
  auto first = crank::race(length(std::string("gone at the end")), length(std::string("of this line")));
  co_return co_await std::move(first);
}
