// expect: 'BacktraceAwaiter' declared with 'nodiscard' attribute: co_await it
#include "crank/async/backtrace.h"

void f() { crank::backtrace_here(); }
