// expect: temporary
#include "crank/async/channel.h"
#include "crank/async/task.h"

crank::Task<bool> caller() {
  auto wait = crank::Channel<int>(1).receive();
  co_return (co_await wait).has_value();
}
