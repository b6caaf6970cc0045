// expect: temporary whose address is used as value of local variable 'child'
#include <string>

#include "crank/async/async_let.h"

crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<std::size_t> caller() {
  auto child = crank::async_let(length(std::string("gone at the end of this line")));
  co_return co_await child;
}
