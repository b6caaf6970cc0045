// expect: a sleep may have been cut short by cancellation
#include "crank/async/sleep.h"
#include "crank/async/task.h"

crank::Task<> caller() { co_await crank::sleep_for(std::chrono::seconds(1)); }
