// expect: a sleep may have been cut short by cancellation
#include "crank/async/clock.h"
#include "crank/async/task.h"

crank::Task<> caller() { co_await crank::sleep_until(crank::continuous_now() + std::chrono::minutes(1)); }
