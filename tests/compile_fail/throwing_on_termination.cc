// expect: is_nothrow_invocable_v<
#include "crank/async/stream.h"

void f(crank::Stream<int>& stream) {
  stream.on_termination([] { throw 1; });
}
