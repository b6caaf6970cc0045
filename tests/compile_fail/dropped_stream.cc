// expect: the stream ends with this object
#include "crank/async/stream.h"

crank::Stream<int> numbers();
void f() { numbers(); }
