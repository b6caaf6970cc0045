// expect: temporary whose address is used as value of local variable 'bounded'
#include <string>

#include "crank/async/timeout.h"

crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<std::size_t> caller() {
  auto bounded = crank::with_timeout(std::chrono::seconds(1), length(std::string("gone at the end of this line")));
  co_return *co_await std::move(bounded);
}
