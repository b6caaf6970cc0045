// expect: the shield ends with this object
#include "crank/async/cancellation.h"

void f() { crank::CancellationShield(); }
