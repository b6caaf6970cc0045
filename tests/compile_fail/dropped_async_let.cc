// expect: an async_let is awaited in the scope that makes it
#include "crank/async/async_let.h"

crank::Task<int> work() { co_return 1; }
crank::Task<> caller() {
  crank::async_let(work());
  co_return;
}
