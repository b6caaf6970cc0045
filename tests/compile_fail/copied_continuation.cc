// expect: copy
#include "crank/async/continuation.h"

crank::Task<int> caller() {
  co_return co_await crank::with_continuation<int>([](crank::Continuation<int> done) {
    crank::Continuation<int> second = done;
    second.resume(1);
  });
}
