// expect: the handler is removed when this object ends
#include "crank/async/cancellation.h"

void f() {
  crank::on_cancel([]() noexcept {});
}
