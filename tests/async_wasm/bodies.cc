// Laws of the runtime inside a guest. Exports: `start` makes the task of a body and runs nothing, `pump` runs at most so many
// jobs, `pass` moves the clock, `outcome` says 0 while it runs, 1 when all held, else 100 + the number of the first that failed.
#include <chrono>
#include <string>
#include <vector>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/cancellation.h"
#include "crank/async/channel.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/or_return.h"
#include "crank/async/race.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/stream.h"
#include "crank/async/task_local.h"
#include "crank/async/timeout.h"
#include "crank/async/yield.h"

using namespace crank;
using namespace std::chrono_literals;

namespace {

int failed = 0, checks = 0;
void expect(bool holds) {
  ++checks;
  if (!holds && !failed) failed = 100 + checks;
}

Task<int> after(Duration time, int n) {
  if (co_await sleep_for(time) == SleepOutcome::cancelled) co_return -n;
  co_return n;
}

Task<int> deep(int n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await deep(n - 1);
}
Task<> await_chain() { expect(co_await deep(10'000) == 10'000); }
Task<> lets() {
  auto a = async_let(after(2s, 1));
  auto b = async_let(after(1s, 2));
  expect(co_await a + co_await b == 3);
}
Task<> groups() {
  int sum = co_await with_group<int>(
      [](this auto, auto& group) -> Task<int> {
        for (int i = 1; i <= 50; ++i) group.spawn(after(std::chrono::milliseconds(i % 7), i));
        int total = 0;
        while (auto n = co_await group.next()) total += *n;
        co_return total;
      },
      {.width = 4});
  expect(sum == 1275);
}
class Counter : public Actor {
 public:
  Task<int> add(int n) {
    expect(current_executor() == executor());
    total_ += n;
    co_await yield();
    expect(current_executor() == executor());
    co_return total_;
  }

 private:
  int total_ = 0;
};
Task<> actors() {
  auto counter = make_actor<Counter>();
  co_await with_group<int>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 10; ++i) group.spawn(counter.call(&Counter::add, 1));
    while (co_await group.next()) {}
  });
  expect(co_await counter.call(&Counter::add, 0) == 10);
  expect(current_executor().is_generic());
}
Task<> cancels() {
  auto task = spawn(after(1h, 5));
  co_await yield();
  task.cancel();
  expect(co_await std::move(task) == -5);
  expect(co_await race(after(1s, 1), after(2s, 2)) == 1);
  auto late = co_await with_timeout(1s, after(1h, 1));
  expect(!late && late.error().code() == Code::deadline);
  expect(current_runtime()->timers().size() == 0);
}
Task<> continuations() {
  expect(co_await with_continuation<int>([](Continuation<int> done) { done.resume(4); }) == 4);
  std::optional<Continuation<int>> kept;
  auto waiter = spawn([](this auto, std::optional<Continuation<int>>& kept) -> Task<int> {
    co_return co_await with_continuation<int>([&](Continuation<int> done) { kept.emplace(std::move(done)); });
  }(kept));
  while (!kept) co_await yield();
  kept->resume(6);
  expect(co_await std::move(waiter) == 6);
}
Task<> streams() {
  auto [source, numbers] = make_stream<int>(Buffering::bounded(2));
  auto producer = spawn([](this auto, StreamSource<int> out) -> Task<> {
    for (int i = 1; i <= 20; ++i) co_await out.send(i);
    out.finish();
  }(std::move(source)));
  int sum = 0;
  while (auto n = co_await numbers.next()) sum += *n;
  expect(sum == 210);
  co_await std::move(producer);
}
const TaskLocal<int> request;
Task<int> read_request() { co_return request.get_or(0); }
Task<> locals() {
  LocalScope scope(request, 3);
  expect(co_await read_request() == 3);
  expect(co_await spawn(read_request()) == 3);
  expect(co_await spawn_detached(read_request()) == 0);
}
Task<Result<int>> gives(bool good) {
  if (!good) co_return fail(Code::io, "no");
  co_return 1;
}
Task<Result<int>> asks(bool good) { co_return co_await or_return(co_await gives(good)) + 1; }
Task<> errors() {
  expect((co_await asks(true)).value() == 2);
  expect(!(co_await asks(false)));
}

using Body = Task<> (*)();
constexpr Body bodies[] = {await_chain, lets, groups, actors, cancels, continuations, streams, locals, errors};

ManualExecutor* crank_handle;
std::optional<TaskHandle<>> running;

}  // namespace

#define EXPORT(name) __attribute__((export_name(#name)))
extern "C" {
EXPORT(count) int count_bodies() { return static_cast<int>(std::size(bodies)); }
EXPORT(start) void start_body(int index) {
  failed = checks = 0;
  running.reset();
  delete crank_handle;
  crank_handle = new ManualExecutor;
  running.emplace(spawn(bodies[index](), {.runtime = &crank_handle->runtime()}));
}
EXPORT(pump) int pump(int budget) { return static_cast<int>(crank_handle->run(static_cast<std::size_t>(budget))); }
EXPORT(pass) void pass(int milliseconds) { crank_handle->advance(std::chrono::milliseconds(milliseconds)); }
EXPORT(outcome) int outcome() {
  if (!running->is_done()) return 0;
  return failed ? failed : checks > 0 ? 1 : 99;
}
}
