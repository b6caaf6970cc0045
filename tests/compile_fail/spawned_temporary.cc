// expect: temporary whose address is used as value of local variable 'task'
#include <string>

#include "crank/async/spawn.h"

crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<> caller() {
  auto task = length(std::string("gone at the end of this line"));
  co_await std::move(task);
}
