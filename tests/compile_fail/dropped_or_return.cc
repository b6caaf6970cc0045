// expect: declared with 'nodiscard' attribute: co_await it
#include "crank/async/or_return.h"
#include "crank/base/result.h"

void f() { crank::or_return(crank::Result<int>(1)); }
