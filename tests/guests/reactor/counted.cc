// Counts the allocations of awaits inside a guest: malloc is wrapped (link with --wrap=malloc), so that everything shows,
// whoever asks for it: frames, tasks, queues, the blocks the host writes its answers into.
#include <charconv>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/sleep.h"
#include "crank/base/text.h"
#include "crank/guest/entry.h"
#include "crank/guest/host_call.h"

using namespace crank;
using namespace crank::guest;

namespace {
unsigned long long allocations = 0;
}
extern "C" {
void* __real_malloc(std::size_t size);
void* __wrap_malloc(std::size_t size) {
  ++allocations;
  return __real_malloc(size);
}
}

namespace {

Task<int> call_of(int n) { co_return n + 1; }

class Counter : public Actor {
 public:
  Task<int> add(int n) { co_return total_ += n; }

 private:
  int total_ = 0;
};

Task<> round(std::string_view kind, ActorRef<Counter> counter) {
  if (kind == "bridge") std::ignore = co_await host::call("empty");
  if (kind == "payload") std::ignore = co_await host::call("text");
  if (kind == "call") std::ignore = co_await call_of(1);
  if (kind == "actor") std::ignore = co_await counter.call(&Counter::add, 1);
  if (kind == "sleep") std::ignore = co_await sleep_for(std::chrono::nanoseconds(1));
  if (kind == "child") {
    auto child = async_let(call_of(2));
    std::ignore = co_await child;
  }
  if (kind == "spawn") std::ignore = co_await spawn(call_of(3));
}

}  // namespace

// "kind": allocations of 1,000 such awaits, after 100 to warm up.
CRANK_ENTRY(allocations_of)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  auto counter = make_actor<Counter>();
  for (int i = 0; i < 100; ++i) co_await round(as_text(argument), counter);
  unsigned long long before = allocations;
  for (int i = 0; i < 1000; ++i) co_await round(as_text(argument), counter);
  co_return Bytes(concat(allocations - before));
}

// How many allocations a whole empty entry takes when warm, its argument and the host's part of it not counted: the host
// calls it twice and reads the second answer.
CRANK_ENTRY(allocations_so_far)(std::span<const std::byte>)->Task<Result<Bytes>> {
  co_return Bytes(concat(allocations));
}
