// expect: could not match 'Task<T>' against 'int'
#include "crank/async/actor.h"

class Counter : public crank::Actor {
 public:
  int peek() { return 1; }
};
int caller(crank::ActorRef<Counter> counter) { return counter.call(&Counter::peek); }
