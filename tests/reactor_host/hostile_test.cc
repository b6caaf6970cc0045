// Modules that break the contract in every way somebody thought of (tests/guests/reactor/bad): each must fail as its line in
// index.txt says, with a sentence, and leave the host able to run the next one.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using testing::module_named;
using testing::must;
using testing::read_module;
using namespace std::chrono_literals;

struct Bad {
  std::string name, how;  // "call protocol|stuck"
  bool interpreted = false;
  friend void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }
};

std::vector<Bad> index() {
  std::vector<Bad> out;
  std::ifstream file(CRANK_REACTOR_BAD "/index.txt");
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::size_t space = line.find(' '), how = line.find_first_not_of(' ', space), end = line.find("  ", how);
    for (bool interpreted : {false, true})
      out.push_back({line.substr(0, space), line.substr(how, end - how), interpreted});
  }
  return out;
}

struct Hostile : ::testing::TestWithParam<Bad> {};
INSTANTIATE_TEST_SUITE_P(Modules, Hostile, ::testing::ValuesIn(index()), [](const auto& info) {
  return info.param.name + (info.param.interpreted ? "_interpreted" : "");
});

std::string outcome(const auto& result) {
  if (result) return "ok";
  EXPECT_FALSE(result.error().message().empty());
  std::string name(name_of(result.error().code()));
  return name == "unknown" ? "failed" : name;
}

/// Opens it and does to it what its line asks for: "open CODE", "call CODE", "probe CODE".
std::string play(Pool& pool, const Bad& bad) {
  auto engine = engine_for(bad.interpreted);
  auto module = engine::Module::compile(*engine, read_module("bad_" + bad.name));
  if (!module) return "open " + outcome(module);
  auto bridges = std::make_shared<Bridges>();
  bridges->add_immediate("echo", [](BridgeRequest& request) -> Result<Bytes> { return std::move(request.argument); });
  ReactorOptions options{.name = bad.name, .bridges = bridges, .slice = 2};
  options.limits.memory_bytes = 4 << 20;
  options.limits.pending = 1000;
  // Only what loops for ever should meet these; a million log lines take their time.
  bool long_work = bad.name == "log_flood";
  options.limits.pump_call = long_work ? Duration(20s) : Duration(50ms);
  options.call_deadline = long_work ? Duration(20s) : Duration(400ms);
  options.cancel_grace = 20ms;
  auto reactor = Reactor::open(pool.runtime(), engine, *module, std::move(options));
  if (!reactor) return "open " + outcome(reactor);
  std::string said;
  if (bad.how.starts_with("probe")) {
    said = "probe " + outcome(sync_wait(pool, (*reactor)->probe()));
  } else if (bad.how.starts_with("call-with-argument")) {
    said = "call-with-argument " + outcome(sync_wait(pool, (*reactor)->call("go", to_bytes("some bytes"))));
  } else if (bad.how.starts_with("two-calls")) {
    // Both are there before the reactor has its turn.
    auto both = [&]() -> Task<std::string> {
      auto first = spawn_immediate((*reactor)->call("go")), second = spawn_immediate((*reactor)->call("go"));
      std::string said = outcome(co_await std::move(second));
      std::ignore = co_await std::move(first);
      co_return said;
    };
    said = "two-calls " + sync_wait(pool, both());
  } else {
    said = "call " + outcome(sync_wait(pool, (*reactor)->call("go")));
  }
  sync_wait(pool, (*reactor)->close());
  return said;
}

TEST_P(Hostile, FailsAsItShouldAndTheHostLives) {
  Pool pool({.threads = 1});
  std::string said = play(pool, GetParam());
  // "call a|b and a remark" allows "call a" and "call b"; another verb may follow a bar.
  std::istringstream words(GetParam().how);
  std::string verb, codes;
  words >> verb >> codes;
  bool allowed = false;
  std::istringstream each(codes);
  for (std::string code; std::getline(each, code, '|');) {
    if (!code.empty() && code.back() == ',') code.pop_back();
    if (code == "refused") code = "unsupported";
    allowed = allowed || said == verb + " " + code;
  }
  if (GetParam().how.find("|call go ok") != std::string::npos) allowed = allowed || said == "call ok";
  EXPECT_TRUE(allowed) << "it was: " << said << ", and should be: " << GetParam().how;

  auto good = must(
      Reactor::open(pool.runtime(), engine_for(GetParam().interpreted), module_named("hello", GetParam().interpreted)));
  must(sync_wait(pool, good->call("hello")));
  sync_wait(pool, good->close());
}

}  // namespace
}  // namespace crank::reactor
