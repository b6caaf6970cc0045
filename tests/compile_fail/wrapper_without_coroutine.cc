// expect: neither a coroutine nor a coroutine wrapper
#include "crank/async/task.h"

crank::Task<int> work() { co_return 1; }
crank::Task<int> caller() { return work(); }
