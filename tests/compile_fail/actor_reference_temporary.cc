// expect: temporary whose address is used as value of local variable 'call'
#include "crank/async/actor.h"

class Counter : public crank::Actor {
 public:
  crank::Task<int> add(int n) { co_return total_ += n; }

 private:
  int total_ = 0;
};
crank::Task<int> caller() {
  auto call = crank::make_actor<Counter>().call(&Counter::add, 1);
  co_return co_await std::move(call);
}
