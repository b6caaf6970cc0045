// expect: temporary whose address is used as value of local variable 'wait'
#include "crank/async/stream.h"
#include "crank/async/task.h"

crank::StreamSource<int> source();
crank::Task<bool> caller() {
  auto wait = source().send(1);
  co_return co_await wait;
}
