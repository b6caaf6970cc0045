// expect: 'crank::TaskHandle<int> &' does not satisfy 'RuntimeAwaiter'
#include "crank/async/spawn.h"

crank::Task<int> work() { co_return 1; }
crank::Task<int> caller() {
  auto handle = crank::spawn(work());
  co_return co_await handle;
}
