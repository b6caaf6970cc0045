// Releases that are damaged: modules whose bytes were changed before they were signed, and after. Whatever the damage does, the
// caller gets an answer, from a rung that proved itself, and the host lives.
#include <gmock/gmock.h>

#include <random>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/guest/twin.h"
#include "crank/reactor/chain.h"
#include "crank/reactor/native_guest.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using testing::must;
using testing::read_module;
using testing::text;
using namespace std::chrono_literals;

struct Mutated : ::testing::TestWithParam<bool> {
  Pool pool{{.threads = 2, .on_blocked = [](unsigned, Duration) {}}};
  KeyPair key = KeyPair::make();
  std::vector<std::string> log;
  std::mutex mutex;

  std::shared_ptr<Chain> chain() {
    ChainOptions options{.name = "go",
                         .keys = {key.public_key},
                         .bundled = native_guest<guest::Twin>("go"),
                         .engine = engine_for(GetParam()),
                         .probe_deadline = 200ms};
    options.reactor.slice = 2;
    options.reactor.limits.memory_bytes = 4 << 20;
    options.reactor.limits.pending = 1000;
    options.reactor.limits.pump_call = 100ms;
    options.reactor.call_deadline = 500ms;
    options.reactor.cancel_grace = 20ms;
    options.log = [this](std::string_view line) {
      std::lock_guard lock(mutex);
      log.emplace_back(line);
    };
    return Chain::make(pool.runtime(), std::move(options));
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Mutated, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(Mutated, ASignedModuleOfAnyDamageLeavesTheCallerWithAnAnswer) {
  // `go` of a module written by hand, small enough that most changes matter.
  auto good = read_module("bad_completes_unknown");
  std::mt19937 random(5);
  int from_native = 0, from_module = 0;
  for (int i = 0; i < 150; ++i) {
    auto bytes = good;
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
      std::size_t at = 8 + random() % (bytes.size() - 8);
      switch (random() % 3) {
        case 0: bytes[at] ^= static_cast<std::uint8_t>(1u << random() % 8); break;
        case 1: bytes[at] = static_cast<std::uint8_t>(random()); break;
        default: bytes.resize(at); break;
      }
      if (bytes.size() <= 8) break;
    }
    auto one = chain();
    must(sync_wait(pool, one->start(Release::sign("go", 1, std::move(bytes), key.secret_key), std::nullopt)));
    auto answer = sync_wait(pool, one->call("go"));
    // A module that proved itself and answers is a good one, as far as a host can tell; an application's own `failed` is an answer.
    bool native = answer && as_text(*answer) == "native";
    ++(native ? from_native : from_module);
    EXPECT_TRUE(answer || answer.error().code() == Code::unknown) << answer.error().to_string();
    sync_wait(pool, one->close());
  }
  EXPECT_GT(from_native, 30);
  EXPECT_GT(from_module, 0);
}

TEST_P(Mutated, AReleaseChangedAfterItWasSignedIsNeverOpened) {
  Release good = Release::sign("go", 2, read_module("bad_completes_unknown"), key.secret_key);
  std::mt19937 random(6);
  for (int i = 0; i < 60; ++i) {
    Release bad = good;
    switch (i % 4) {
      case 0: bad.module[random() % bad.module.size()] ^= static_cast<std::uint8_t>(1u << random() % 8); break;
      case 1: bad.signature[random() % bad.signature.size()] ^= static_cast<std::uint8_t>(1u << random() % 8); break;
      case 2: bad.module.resize(random() % bad.module.size()); break;
      default: bad.version += 1 + random() % 5; break;
    }
    auto one = chain();
    must(sync_wait(pool, one->start(std::move(bad), std::nullopt)));
    EXPECT_EQ(one->state().rung, Rung::bundled);
    EXPECT_EQ(text(sync_wait(pool, one->call("go"))), "native");
    EXPECT_THAT(log, ::testing::Contains(::testing::HasSubstr("is no good")));
    log.clear();
    sync_wait(pool, one->close());
  }
}

}  // namespace
}  // namespace crank::reactor
