// expect: call to implicitly-deleted copy constructor of 'crank::Continuation<int>'
#include "crank/async/continuation.h"
#include "crank/async/task.h"

crank::Task<int> caller() {
  co_return co_await crank::with_continuation<int>([](crank::Continuation<int> done) {
    crank::Continuation<int> second = done;
    second.resume(1);
  });
}
