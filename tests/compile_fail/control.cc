// expect: nothing
#include <string>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/continuation.h"
#include "crank/async/race.h"
#include "crank/async/spawn.h"
#include "crank/async/stream_algorithms.h"
#include "crank/async/timeout.h"

class Counter : public crank::Actor {
 public:
  crank::Task<int> add(int n) { co_return total_ += n; }
  crank::Task<int> total() const noexcept { co_return total_; }
  crank::Task<crank::Stream<int>> changes() { co_return crank::make_stream<int>(crank::Buffering::latest(1)).stream; }

 private:
  int total_ = 0;
};
crank::Task<std::size_t> length(const std::string& text) { co_return text.size(); }
crank::Task<std::size_t> owned(std::string text) { co_return text.size(); }

crank::Task<> uses(crank::ActorRef<Counter> counter) {
  co_await counter.call(&Counter::add, 1);
  co_await crank::make_actor<Counter>().call(&Counter::total);
  crank::Stream<int> changes = co_await counter.call(&Counter::changes);
  co_await changes.next();
  co_await length(std::string("lives until the await has ended"));
  co_await crank::race(length(std::string("so does")), length(std::string("this")));
  std::ignore = co_await crank::with_timeout(std::chrono::seconds(1), length(std::string("and this")));
  auto child = crank::async_let(owned("moved into the frame"));
  co_await child;
  int x = 1;
  auto lambda = [x](this auto) -> crank::Task<int> { co_return x; };
  co_await lambda();
  crank::spawn(owned("x")).run_on();
}
