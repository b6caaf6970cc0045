// expect: if nobody waits for this task
#include "crank/async/spawn.h"

crank::Task<> work() { co_return; }
crank::Task<> caller() {
  crank::spawn(work());
  co_return;
}
