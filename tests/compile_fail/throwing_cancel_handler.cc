// expect: is_nothrow_invocable_v<
#include "crank/async/cancellation.h"

void f() {
  auto stop = crank::on_cancel([] { throw 1; });
}
