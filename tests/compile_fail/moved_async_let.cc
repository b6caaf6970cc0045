// expect: (aka 'crank::AsyncLet<int>')
#include "crank/async/async_let.h"

crank::Task<int> work() { co_return 1; }
crank::Task<int> caller() {
  auto child = crank::async_let(work());
  auto elsewhere = std::move(child);
  co_return co_await elsewhere;
}
