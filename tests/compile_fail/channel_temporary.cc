// expect: temporary whose address is used as value of local variable 'wait'
#include "crank/async/channel.h"
#include "crank/async/task.h"

crank::Task<bool> caller() {
  auto wait = crank::Channel<int>(1).receive();
  co_return (co_await wait).has_value();
}
