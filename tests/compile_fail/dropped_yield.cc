// expect: 'YieldAwaiter' declared with 'nodiscard' attribute: co_await it
#include "crank/async/task.h"
#include "crank/async/yield.h"

crank::Task<> caller() {
  crank::yield();
  co_return;
}
