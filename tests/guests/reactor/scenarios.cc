#include "tests/guests/reactor/scenarios.h"

#include <chrono>
#include <optional>

#include "crank/async/actor.h"
#include "crank/async/async_let.h"
#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/group.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/stream.h"
#include "crank/async/task_local.h"
#include "crank/base/text.h"
#include "crank/guest/host_call.h"

namespace scenarios {
namespace {

using namespace std::chrono_literals;
using crank::concat;
using crank::Task;

// Tasks of one Runtime take turns here: each suspension lets the others that are ready run first.
Task<> breathe() { std::ignore = co_await crank::sleep_for(0ns); }

// 1  An await is a call: nothing else runs between the call and the callee's first line, nor at the return.

Task<int> leaf(Lines& lines, int n) {
  lines(concat("leaf ", n));
  co_return n;
}
Task<int> middle(Lines& lines, int n) {
  lines("middle begins");
  int a = co_await leaf(lines, n), b = co_await leaf(lines, n + 1);
  lines("middle ends");
  co_return a + b;
}
Task<> bystander(Lines& lines) {
  lines("bystander");
  co_return;
}
Task<> await_chain(Lines& lines) {
  crank::spawn(bystander(lines)).run_on();
  lines("begin");
  int sum = co_await middle(lines, 1);
  lines(concat("sum ", sum));
  co_await breathe();
  lines("end");
}

// 2  A child made by async_let is enqueued, runs when its parent suspends, and gives its result at the await.

Task<int> child(Lines& lines, int n) {
  lines(concat("child ", n, " begins"));
  co_await breathe();
  lines(concat("child ", n, " ends"));
  co_return n * 10;
}
Task<> async_let(Lines& lines) {
  auto one = crank::async_let(child(lines, 1));
  auto two = crank::async_let(child(lines, 2));
  lines("both made, none has run");
  int second = co_await two;
  lines(concat("two is ", second));
  int first = co_await one;
  lines(concat("one is ", first));
}

// 3  A group gives results as its children finish, bounds how many run, and does not end before they do.

Task<int> nap(Lines& lines, int n, std::chrono::milliseconds how_long) {
  lines(concat("nap ", n, " begins"));
  bool whole = co_await crank::sleep_for(how_long) == crank::SleepOutcome::elapsed;
  lines(concat("nap ", n, whole ? " ends" : " is cut short"));
  co_return n;
}
Task<> group(Lines& lines) {
  int sum = co_await crank::with_group<int>([&](this auto, auto& naps) -> Task<int> {
    naps.spawn(nap(lines, 1, 30ms));
    naps.spawn(nap(lines, 2, 10ms));
    naps.spawn(nap(lines, 3, 20ms));
    int total = 0;
    while (std::optional<int> n = co_await naps.next()) {
      lines(concat("next is ", *n));
      total += *n;
    }
    co_return total;
  });
  lines(concat("sum ", sum));
  co_await crank::with_group<int>(
      [&](this auto, auto& naps) -> Task<> {
        for (int n = 4; n < 8; ++n) naps.spawn(nap(lines, n, std::chrono::milliseconds(n)));
        lines("two at a time");
        while (std::optional<int> n = co_await naps.next()) {
          lines(concat("next is ", *n));
          if (*n == 5) co_return;
        }
      },
      {.width = 2});
  lines("the group has ended");
}

// 4  One task at a time is on an actor; calls run in the order they were made.

class Counter : public crank::Actor {
 public:
  Task<int> add(Lines& lines, int n) {
    lines(concat("add ", n, " sees ", total_));
    total_ += n;
    co_return total_;
  }
  // Suspends in the middle: others come in.
  Task<int> add_slowly(Lines& lines, int n) {
    int before = total_;
    lines(concat("slowly ", n, " sees ", before));
    std::ignore = co_await crank::sleep_for(5ms);
    lines(concat("slowly ", n, before == total_ ? " finds it unchanged" : " finds it changed"));
    total_ += n;
    co_return total_;
  }

 private:
  int total_ = 0;
};
Task<> add_on(Lines& lines, crank::ActorRef<Counter> counter, int n) {
  int total = co_await counter.call(&Counter::add, lines, n);
  lines(concat("after ", n, " it is ", total));
}
Task<> actor(Lines& lines) {
  auto counter = crank::make_actor<Counter>();
  auto one = crank::async_let(add_on(lines, counter, 1));
  auto two = crank::async_let(add_on(lines, counter, 2));
  int total = co_await counter.call(&Counter::add, lines, 4);
  lines(concat("here it is ", total));
  co_await one;
  co_await two;
}

// 5  An actor is reentrant at awaits and only there.

Task<> add_slowly_on(Lines& lines, crank::ActorRef<Counter> counter, int n) {
  int total = co_await counter.call(&Counter::add_slowly, lines, n);
  lines(concat("after ", n, " it is ", total));
}
Task<> actor_reentrancy(Lines& lines) {
  auto counter = crank::make_actor<Counter>();
  auto slow = crank::async_let(add_slowly_on(lines, counter, 1));
  co_await breathe();
  int total = co_await counter.call(&Counter::add, lines, 10);
  lines(concat("meanwhile it is ", total));
  co_await slow;
}

// 6  A detached task inherits nothing and outlives who made it; a spawned one takes task-locals along.

constexpr crank::TaskLocal<int> flavour;
Task<> tell_flavour(Lines& lines, const char* who) {
  const int* value = flavour.get();
  lines(concat(who, value ? concat(" has ", *value) : " has none"));
  co_await breathe();
  lines(concat(who, " ends"));
}
Task<crank::TaskHandle<>> make_both(Lines& lines) {
  crank::LocalScope scope(flavour, 7);
  crank::spawn(tell_flavour(lines, "spawned")).run_on();
  lines("one made");
  co_return crank::spawn_detached(tell_flavour(lines, "detached"));
}
Task<> detached(Lines& lines) {
  crank::TaskHandle<> handle = co_await make_both(lines);
  lines("both made");
  co_await std::move(handle);
  lines("the detached one is over");
}

// 7  Cancellation is a flag that travels down and runs handlers; work stops at its own points, and the scope waits for it.

Task<int> stubborn(Lines& lines) {
  auto told = crank::on_cancel([&] noexcept { lines("the handler runs"); });
  for (int n = 0; n < 3; ++n) {
    lines(concat("step ", n, crank::is_cancelled() ? ", cancelled" : ""));
    co_await breathe();
  }
  co_return 1;
}
Task<> cancellation(Lines& lines) {
  co_await crank::with_group<int>([&](this auto, auto& work) -> Task<> {
    work.spawn(nap(lines, 1, 1h));
    work.spawn(stubborn(lines));
    std::ignore = co_await crank::sleep_for(0ns);
    lines("leaving early");
    co_return;
  });
  lines("all have ended");
  {
    auto handle = crank::spawn(stubborn(lines));
    handle.cancel();
    int result = co_await std::move(handle);
    lines(concat("its result is ", result, crank::is_cancelled() ? ", and so am I" : ", I am not cancelled"));
  }
}

// 8  Sleepers wake in the order of their instants, and of their calls when these are equal.

Task<> sleep(Lines& lines) {
  auto a = crank::async_let(nap(lines, 1, 20ms));
  auto b = crank::async_let(nap(lines, 2, 10ms));
  auto c = crank::async_let(nap(lines, 3, 20ms));
  auto d = crank::async_let(nap(lines, 4, 0ms));
  co_await a;
  co_await b;
  co_await c;
  co_await d;
  auto cut = crank::async_let(nap(lines, 5, 24h));
  co_await breathe();
  cut.cancel();
  co_await cut;
}

// 9  Resuming a continuation enqueues; it never runs the waiting task inside the resumer. Resumed first, nothing suspends.

Task<> resume_later(Lines& lines, crank::Continuation<int> waiting) {
  lines("resuming");
  waiting.resume(5);
  lines("resumed, and still here");
  co_return;
}
Task<> continuation(Lines& lines) {
  int value = co_await crank::with_continuation<int>([&](crank::Continuation<int> now) {
    now.resume(4);
    lines("resumed before it was awaited");
  });
  lines(concat("value ", value));
  value = co_await crank::with_continuation<int>([&](crank::Continuation<int> later) {
    crank::spawn(resume_later(lines, std::move(later))).run_on();
    lines("spawned the resumer");
  });
  lines(concat("value ", value));
}

// 10  A stream hands over in order; a bounded one makes the writer wait; it ends when the writer does.

Task<> produce(Lines& lines, crank::StreamSource<int> source) {
  for (int n = 1; n <= 4; ++n) {
    bool sent = co_await source.send(n);
    lines(concat(sent ? "sent " : "refused ", n));
  }
  source.finish();
  lines("finished");
}
Task<> stream(Lines& lines) {
  auto [source, numbers] = crank::make_stream<int>(crank::Buffering::bounded(2));
  crank::spawn(produce(lines, std::move(source))).run_on();
  while (std::optional<int> n = co_await numbers.next()) {
    lines(concat("got ", *n));
    co_await breathe();
  }
  lines("the end");
  co_await breathe();
}

// 11  A host await: the task is parked, the host's answer makes it ready, it goes on at the next line. One, then two in
//     flight: the order of the answers is the host's, the order of these awaits is ours.

Task<> host_await(Lines& lines) {
  auto said = [](const crank::Result<crank::guest::Bytes>& answer) {
    return answer ? std::string(answer->text()) : concat("error: ", answer.error().message());
  };
  lines(concat("one: ", said(co_await crank::guest::host::call("upper", "alpha"))));
  auto ask = [](std::string word) -> Task<crank::Result<crank::guest::Bytes>> {
    co_return co_await crank::guest::host::call("upper", word);
  };
  auto first = crank::async_let(ask("beta"));
  auto second = crank::async_let(ask("gamma"));
  lines("two are in flight");
  lines(concat("first: ", said(co_await first)));
  lines(concat("second: ", said(co_await second)));
  lines(concat("unknown: ", said(co_await crank::guest::host::call("no_such_function"))));
}

// 11b The same with three, taken as they arrive: here the order of the answers shows.

Task<> host_await_as_they_come(Lines& lines) {
  co_await crank::with_group<>([&](this auto, auto& calls) -> Task<> {
    for (const char* word : {"one", "two", "three"}) {
      calls.spawn([](Lines& out, std::string text) -> Task<> {
        auto answer = co_await crank::guest::host::call("upper", text);
        if (answer) out(answer->text());
      }(lines, word));
    }
    while (co_await calls.next()) {}
  });
  lines("all answered");
}

constexpr Scenario list[] = {
    {"await_chain", await_chain},
    {"async_let", async_let},
    {"group", group},
    {"actor", actor},
    {"actor_reentrancy", actor_reentrancy},
    {"detached", detached},
    {"cancellation", cancellation},
    {"sleep", sleep},
    {"continuation", continuation},
    {"stream", stream},
    {"host_await", host_await},
    {"host_await_as_they_come", host_await_as_they_come},
};

}  // namespace

std::span<const Scenario> all() { return list; }

}  // namespace scenarios
