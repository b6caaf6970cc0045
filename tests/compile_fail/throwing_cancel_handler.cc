// expect: no matching function
#include "crank/async/cancellation.h"

void f() {
  auto stop = crank::on_cancel([] { throw 1; });
}
