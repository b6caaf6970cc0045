// expect: temporary whose address is used as value of local variable 'bounded'
#include <string>

#include "crank/async/timeout.h"

crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<std::size_t> caller(crank::Instant deadline) {
  auto bounded = crank::with_deadline(deadline, length(std::string("gone at the end of this line")));
  co_return *co_await std::move(bounded);
}
