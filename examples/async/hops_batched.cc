// Every call of an actor from outside is a hop there and a hop back. Batched, a hundred of them are two.
#include <cstdio>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/manual_executor.h"
#include "crank/async/trace.h"

class Log : public crank::Actor {
 public:
  using Actor::Actor;
  crank::Task<> add(int line) {
    lines_.push_back(line);
    co_return;
  }
  crank::Task<> add_all(std::vector<int> lines) {
    for (int line : lines) co_await add(line);  // same executor: inline
  }

 private:
  std::vector<int> lines_;
};

int main() {
  crank::ManualExecutor manual;
  auto log = crank::make_actor<Log>(manual.runtime());
  int hops = 0;
  crank::TraceSink sink{[](void* count, const crank::TraceRecord& record) noexcept {
                          *static_cast<int*>(count) += record.event == crank::TraceEvent::hand_off;
                        },
                        &hops};
  crank::install_trace(&sink);
  manual.run([&](this auto) -> crank::Task<> {
    for (int i = 0; i < 100; ++i) co_await log.call(&Log::add, i);
  }());
  std::printf("one by one: %d hops\n", std::exchange(hops, 0));
  manual.run([&](this auto) -> crank::Task<> { co_await log.call(&Log::add_all, std::vector<int>(100)); }());
  std::printf("batched:    %d hops\n", hops);
  crank::install_trace(nullptr);
}
