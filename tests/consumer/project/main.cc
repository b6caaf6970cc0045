#include <cstdio>

#include "crank/async/actor.h"
#include "crank/async/sync_wait.h"

class Counter : public crank::Actor {
 public:
  crank::Task<int> add(int n) { co_return total_ += n; }

 private:
  int total_ = 0;
};

crank::Task<int> program() {
  auto counter = crank::make_actor<Counter>();
  co_await counter.call(&Counter::add, 40);
  co_return co_await counter.call(&Counter::add, 2);
}

int main() {
  crank::Pool pool;
  std::printf("%d\n", crank::sync_wait(pool, program()));
}
