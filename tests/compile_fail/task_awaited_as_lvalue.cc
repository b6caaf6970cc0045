// expect: [with U = int] not viable: expects an rvalue
#include "crank/async/task.h"

crank::Task<int> work() { co_return 1; }
crank::Task<int> caller() {
  auto task = work();
  co_return co_await task;
}
