// expect: could not match 'Task' against 'crank::Stream'
#include "crank/async/actor.h"
#include "crank/async/stream.h"

class Ticker : public crank::Actor {
 public:
  crank::Stream<int> ticks() const { return crank::make_stream<int>(crank::Buffering::unbounded()).stream; }
};
crank::Stream<int> caller(crank::ActorRef<Ticker> ticker) { return ticker.call(&Ticker::ticks); }
