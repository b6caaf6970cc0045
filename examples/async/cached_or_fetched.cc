// The fast path: an await whose value is there does not suspend. Only the first request of a key fetches it; those that
// come while it is under way share that fetch, and later ones are answered at once.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/trace.h"

class Cache : public crank::Actor {
 public:
  crank::Task<std::string> get(int key) {
    if (auto found = values_.find(key); found != values_.end()) co_return found->second;
    auto [at, first] = under_way_.try_emplace(key);
    if (first) {
      std::printf("fetching %d\n", key);
      (void)co_await crank::sleep_for(std::chrono::milliseconds(100));  // others are on this actor meanwhile
      values_[key] = "value " + std::to_string(key);
      auto waiting = std::move(under_way_.extract(at).mapped());
      for (auto& go_on : waiting) go_on.resume();
    } else {
      co_await crank::with_continuation([&](crank::Continuation<> go_on) { at->second.push_back(std::move(go_on)); });
    }
    co_return values_[key];
  }

 private:
  std::map<int, std::string> values_;
  std::map<int, std::vector<crank::Continuation<>>> under_way_;
};

std::map<const crank::TaskRecord*, int> suspended;

crank::Task<> ask(crank::ActorRef<Cache> cache, const char* who) {
  int& times = suspended[crank::current_task()] = 0;
  std::string value = co_await cache.call(&Cache::get, 1);
  std::printf("%s: %s, suspended %d times\n", who, value.c_str(), times);
}
crank::Task<> program() {
  auto cache = crank::make_actor<Cache>();
  co_await crank::with_group<>([&](this auto, auto& group) -> crank::Task<> {
    for (const char* who : {"first", "beside it"}) group.spawn(ask(cache, who));
    while (co_await group.next()) {}
  });
  co_await ask(cache, "later");
}

int main() {
  crank::TraceSink sink{[](void*, const crank::TraceRecord& record) noexcept {
    if (record.event == crank::TraceEvent::suspended) ++suspended[record.task];
  }};
  crank::install_trace(&sink);
  crank::ManualExecutor().run(program());
}
