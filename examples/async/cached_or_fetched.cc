// The fast path: an await whose value is there does not suspend. Only the first request of a key waits; those that come while
// it is under way share it, and later ones are answered at once.
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "crank/async/actor.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/trace.h"

using namespace std::chrono_literals;

class Cache : public crank::Actor {
 public:
  using Actor::Actor;
  crank::Task<std::string> get(int key) {
    if (auto found = values_.find(key); found != values_.end()) co_return found->second;
    (void)co_await crank::sleep_for(100ms);  // the network
    // Others ran on this actor meanwhile (an actor is reentrant at its awaits), so look again.
    auto [place, first] = values_.try_emplace(key, "value " + std::to_string(key));
    if (first) ++fetches;
    co_return place->second;
  }
  int fetches = 0;

 private:
  std::map<int, std::string> values_;
};

int main() {
  crank::ManualExecutor manual;
  auto cache = crank::make_actor<Cache>(manual.runtime());
  auto ask = [&](this auto, int key) -> crank::Task<> {
    auto before = crank::current_runtime()->now();
    std::string value = co_await cache.call(&Cache::get, key);
    std::printf("%s after %lld ms\n", value.c_str(),
                static_cast<long long>((crank::current_runtime()->now() - before) / 1ms));
  };
  manual.run(ask(1));
  manual.run(ask(1));
  manual.run(ask(2));
}
