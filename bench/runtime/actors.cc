// B8 an idle actor, B9 a contended one.
#include <cstdint>
#include <string>

#include "bench/runtime/harness.h"
#include "bench/runtime/pools.h"
#include "crank/async/actor.h"
#include "crank/async/group.h"

namespace bench {
namespace {

using crank::Task;

class Counter : public crank::Actor {
 public:
  using Actor::Actor;
  Task<std::uint64_t> add(std::uint64_t n) { co_return total_ += n; }

 private:
  std::uint64_t total_ = 0;
};

Task<std::uint64_t> call_it(crank::ActorRef<Counter> counter, int times) {
  std::uint64_t last = 0;
  for (int i = 0; i < times; ++i) last = co_await counter.call(&Counter::add, 1);
  co_return last;
}
Task<std::uint64_t> idle(int times) {
  auto counter = crank::make_actor<Counter>();
  co_return co_await call_it(counter, times);
}
Task<std::uint64_t> contended(int callers, int times) {
  auto counter = crank::make_actor<Counter>();
  co_await crank::with_group<std::uint64_t>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < callers; ++i) group.spawn(call_it(counter, times));
    while (co_await group.next()) {}
  });
  co_return co_await counter.call(&Counter::add, 0);
}

}  // namespace

void add_actors(std::vector<Row>& rows) {
  rows.push_back({"B8_hop_idle_1t", "to an idle actor and back", [] { return keep(run_on(1, idle(100'000))), 1e5; }, 18,
                  30, "ns", false, true});
  rows.push_back({"B8_hop_idle_2t", "to an idle actor and back, two workers",
                  [] { return keep(run_on(2, idle(100'000))), 1e5; }, 18, 30, "ns", false, true});
  for (int callers : {1, 8, 64, 10'000}) {
    int times = 1'000'000 / callers;
    rows.push_back({"B9_contended_" + std::to_string(callers), "calls of one actor by that many tasks on two workers",
                    [=] { return keep(run_on(2, contended(callers, times))), double(callers) * times; }, 0, 234});
  }
  rows.push_back(
      {"B9_flat", "10,000 callers over 8", {}, 1.3, 0, "ratio", true, false, "B9_contended_10000", "B9_contended_8"});
}

}  // namespace bench
