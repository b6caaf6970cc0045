// expect: temporary whose address is used as value of local variable 'task'
#include "crank/async/task.h"

crank::Task<int> caller() {
  int x = 1;
  auto task = [&x]() -> crank::Task<int> { co_return x; }();
  co_return co_await std::move(task);
}
