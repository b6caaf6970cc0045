// expect: declared with 'nodiscard' attribute: co_await it
#include "crank/async/continuation.h"
#include "crank/async/task.h"

crank::Task<> caller() {
  crank::with_continuation<int>([](crank::Continuation<int> done) { done.resume(1); });
  co_return;
}
