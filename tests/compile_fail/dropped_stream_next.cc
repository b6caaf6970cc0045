// expect: declared with 'nodiscard' attribute: co_await it
#include "crank/async/stream.h"

void f(crank::Stream<int>& stream) { stream.next(); }
