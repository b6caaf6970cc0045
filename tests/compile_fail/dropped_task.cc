// expect: a Task does nothing until it is awaited or spawned
#include "crank/async/task.h"

crank::Task<> work() { co_return; }
crank::Task<> caller() {
  work();
  co_return;
}
