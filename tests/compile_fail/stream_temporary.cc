// expect: temporary whose address is used as value of local variable 'wait'
#include "crank/async/stream.h"
#include "crank/async/task.h"

crank::Stream<int> numbers();
crank::Task<bool> caller() {
  auto wait = numbers().next();
  co_return (co_await wait).has_value();
}
