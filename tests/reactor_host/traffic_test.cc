// The analytics SDK under this host, compiled and interpreted, at every budget: the play examples/analytics/traffic.txt, which the
// same source compiled natively plays as well, line by line.
#include <gmock/gmock.h>

#include <deque>
#include <fstream>
#include <sstream>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::all_modes;
using testing::Mode;
using testing::module_named;
using testing::Rig;

constexpr const char* report =
    R"({"title": "week 47", "events": [{"name": "open", "count": 3}, {"name": "cl\u00f6se", "count": 2.0e0}]})";

/// A network where every request waits until the play answers it.
struct Wire final : HttpGate {
  struct Open {
    HttpQuery query;
    std::optional<Continuation<Result<HttpAnswer>>> done;
  };
  std::deque<std::shared_ptr<Open>> open;

  Task<Result<HttpAnswer>> fetch(HttpQuery query) override {
    auto mine = std::make_shared<Open>(std::move(query), std::nullopt);
    auto stop = on_cancel([&]() noexcept { answer(*mine, fail(Code::cancelled, "the wire was cut")); });
    co_return co_await with_continuation<Result<HttpAnswer>>([&](Continuation<Result<HttpAnswer>> done) {
      mine->done.emplace(std::move(done));
      open.push_back(mine);
    });
  }
  static void answer(Open& request, Result<HttpAnswer> with) {
    if (!request.done) return;
    auto done = std::move(*request.done);
    request.done.reset();
    done.resume(std::move(with));
  }
  static void answer(Open& request, unsigned status, std::string_view body = {}) {
    HttpAnswer with;
    with.status = status;
    with.body = to_bytes(body);
    answer(request, std::move(with));
  }
};

struct Traffic : ::testing::TestWithParam<Mode> {
  Rig rig;
  std::shared_ptr<Wire> wire = std::make_shared<Wire>();
  struct Call {
    std::string name;
    TaskHandle<Result<Bytes>> task;
    bool told = false;
  };
  std::deque<Call> calls;
  std::deque<std::string> outcomes;
  std::string lines;
  std::uint64_t forgotten = 0;

  void write(std::string_view line) { lines += concat(line, "\n"); }
  std::string time() const {
    auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(rig.manual.now().time_since_epoch()).count();
    return concat(ns / 1'000'000, ".", ns / 100'000 % 10, " ms");
  }
  bool answer_one() {
    if (wire->open.empty()) return false;
    auto request = wire->open.front();
    wire->open.pop_front();
    const HttpQuery& query = request->query;
    if (query.method == "GET") {
      Wire::answer(*request, 200, query.url.ends_with("/report") ? report : R"({"title": )");
      return true;
    }
    std::string outcome = outcomes.empty() ? "200" : outcomes.front();
    if (!outcomes.empty()) outcomes.pop_front();
    write(concat(time(), ": ", as_text(query.body), " -> ", outcome));
    if (outcome == "io")
      Wire::answer(*request, fail(Code::io, "no route"));
    else if (outcome != "silent")
      Wire::answer(*request, static_cast<unsigned>(std::stoul(outcome)));
    return true;
  }
  // What is ready, and the collector's answers, until nothing moves without time.
  void settle() {
    do {
      rig.manual.run();
      for (Call& call : calls) {
        if (call.told || !call.task.is_done()) continue;
        call.told = true;
        Result<Bytes> result = call.task.result_now().take<Exceptions::none>();
        write(result ? concat(call.name, ": ", as_text(*result))
                     : concat(call.name, ": error ", static_cast<unsigned>(status_of(result.error().code())), ", ",
                              result.error().message()));
      }
      for (std::uint64_t now = rig.report().forgotten; forgotten < now; ++forgotten)
        write("the host forgets a request");
    } while (answer_one());
  }
  void command(const std::string& line) {
    std::istringstream words(line);
    std::string verb, name, argument;
    words >> verb;
    if (verb == "outcomes") {
      while (words >> name) outcomes.push_back(name);
      return;
    }
    words >> name;
    std::getline(words >> std::ws, argument);
    if (verb == "start") {
      calls.push_back({name, spawn(rig.reactor->call(name, to_bytes(argument), {.waits_for_calls = true}),
                                   {.runtime = &rig.manual.runtime()})});
    } else if (verb == "cancel") {
      for (Call& call : calls) {
        if (!call.told && call.name == name) call.task.cancel();
      }
    } else if (verb == "advance") {
      Instant until = rig.manual.now() + std::chrono::milliseconds(std::stoll(name));
      while (rig.manual.next_timer() && *rig.manual.next_timer() <= until) {
        rig.manual.advance(std::max(*rig.manual.next_timer() - rig.manual.now(), Duration{}));
        settle();
      }
      rig.manual.advance(until - rig.manual.now());
    }
    settle();
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Traffic, all_modes(), testing::name_of_mode);

TEST_P(Traffic, OfTheSdkIsTheSameUnderThisHostAsNatively) {
  rig.bridges->set_http(wire);
  rig.open(module_named("analytics", GetParam().interpreted), GetParam().interpreted, {.budget = GetParam().budget});
  std::ifstream file(CRANK_REACTOR_BAD "/../../../../examples/analytics/traffic.txt");
  ASSERT_TRUE(file);
  std::string wanted, line;
  while (std::getline(file, line)) {
    wanted += line + "\n";
    if (line.starts_with("> ")) {
      write(line);
      command(line.substr(2));
    } else if (line.starts_with("#") || line.empty()) {
      write(line);
    }
  }
  EXPECT_EQ(lines, wanted);
  ReactorReport last = rig.manual.run(rig.reactor->close());
  EXPECT_EQ(last.calls.size(), 0u);
  EXPECT_EQ(last.pending.size(), 0u);
}

}  // namespace
}  // namespace crank::reactor
