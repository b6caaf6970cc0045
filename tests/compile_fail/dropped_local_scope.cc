// expect: LocalScope<int>' declared with 'nodiscard' attribute: the binding ends with this object
#include "crank/async/task_local.h"

const crank::TaskLocal<int> depth;
void f() { crank::LocalScope(depth, 1); }
