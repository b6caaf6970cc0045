// Modules that break the contract in every way somebody thought of (tests/guests/reactor/bad): each must fail as its line in
// index.txt says, with a sentence, and leave the host able to run the next one.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/guest/twin.h"
#include "crank/reactor/chain.h"
#include "crank/reactor/native_guest.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using ::testing::HasSubstr;
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

/// Limits that a module of this folder meets soon.
ReactorOptions limited(const Bad& bad) {
  ReactorOptions options{.name = bad.name, .slice = 2};
  options.limits.memory_bytes = 4 << 20;
  options.limits.pending = 1000;
  // Only what loops for ever should meet these; a million log lines take their time.
  bool long_work = bad.name == "log_flood";
  options.limits.pump_call = long_work ? Duration(20s) : Duration(50ms);
  options.call_deadline = long_work ? Duration(20s) : Duration(400ms);
  options.cancel_grace = 20ms;
  return options;
}

/// Opens it and does to it what its line asks for: "open CODE", "call CODE", "probe CODE".
std::string play(Pool& pool, const Bad& bad) {
  auto engine = engine_for(bad.interpreted);
  auto module = engine::Module::compile(*engine, read_module("bad_" + bad.name));
  if (!module) return "open " + outcome(module);
  auto bridges = std::make_shared<Bridges>();
  bridges->add_immediate("echo", [](BridgeRequest& request) -> Result<Bytes> { return std::move(request.argument); });
  ReactorOptions options = limited(bad);
  options.bridges = bridges;
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

// The same modules as the release in force: each is replaced, and the caller has the native answer, or that of the module where it
// does what it should after all.
TEST_P(Hostile, AsAReleaseItIsReplacedAndTheCallerHasAnAnswer) {
  Pool pool({.threads = 1, .on_blocked = [](unsigned, Duration) {}});
  KeyPair key = KeyPair::make();
  std::vector<std::string> log;
  ChainOptions options{.name = "go",
                       .keys = {key.public_key},
                       .bundled = native_guest<guest::Twin>("go"),
                       .engine = engine_for(GetParam().interpreted),
                       .probe_deadline = 400ms,
                       .compile_aside = false};
  options.reactor = limited(GetParam());
  options.log = [&](std::string_view line) { log.emplace_back(line); };
  auto chain = Chain::make(pool.runtime(), std::move(options));
  auto release = Release::sign("go", 1, read_module("bad_" + GetParam().name), key.secret_key);
  must(sync_wait(pool, chain->start(std::move(release), std::nullopt)));
  auto answer = sync_wait(pool, chain->call("go", to_bytes("some bytes")));
  // A module that refuses an argument for want of memory is no bad one: its caller gets that sentence, and the rung stands.
  if (GetParam().name == "alloc_none") {
    EXPECT_EQ(answer.error().code(), Code::limit);
    answer = sync_wait(pool, chain->call("go"));
  }
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  bool replaced = chain->state().rung == Rung::bundled;
  EXPECT_EQ(replaced, as_text(*answer) == "native");
  // Only a module that is said to complete may go on standing.
  if (!replaced && GetParam().name != "alloc_none") EXPECT_THAT(GetParam().how, HasSubstr("ok"));
  // One line says why.
  int lines = 0;
  for (const std::string& line : log)
    lines += line.find("is no good") != line.npos || line.find("stepping down") != line.npos;
  EXPECT_EQ(lines, replaced ? 1 : 0) << ::testing::PrintToString(log);
  sync_wait(pool, chain->close());
}

}  // namespace
}  // namespace crank::reactor
