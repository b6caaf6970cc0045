#include "crank/reactor/chain.h"

#include <gmock/gmock.h>

#include "crank/guest/twin.h"
#include "crank/reactor/native_guest.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using ::testing::ElementsAre;
using testing::engine_for;
using ::testing::HasSubstr;
using testing::must;
using testing::read_module;
using testing::text;
using namespace std::chrono_literals;

const KeyPair& key() {
  static const KeyPair pair = KeyPair::make();
  return pair;
}
Release release(std::uint64_t version, const std::string& module) {
  return Release::sign("bridges", version, read_module(module), key().secret_key);
}

struct Chains : ::testing::TestWithParam<bool> {
  ManualExecutor manual;
  std::vector<std::string> log;
  std::shared_ptr<Chain> chain;

  void make(bool bundled = true) {
    ChainOptions options{
        .name = "sdk", .keys = {key().public_key}, .engine = engine_for(GetParam()), .compile_aside = false};
    if (bundled) options.bundled = native_guest<guest::Twin>("bridges");
    options.log = [this](std::string_view line) { log.emplace_back(line); };
    chain = Chain::make(manual.runtime(), std::move(options));
  }
  std::string call(std::string entry, std::string_view argument = {}, ChainCallOptions options = {}) {
    return text(manual.run(chain->call(std::move(entry), to_bytes(argument), options)));
  }
  ~Chains() override {
    if (chain) manual.run(chain->close());
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Chains, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(Chains, TheHighestRungThatProvesItselfStands) {
  make();
  must(manual.run(chain->start(release(2, "bridges"), release(1, "bridges"))));
  EXPECT_EQ(chain->state().rung, Rung::current);
  EXPECT_EQ(chain->state().version, 2u);
  EXPECT_EQ(call("echo", "x"), "x");
}

TEST_P(Chains, AReleaseWithoutAValidSignatureIsNotOpened) {
  make();
  Release forged = release(3, "bridges");
  forged.version = 4;
  Release altered = release(2, "bridges");
  altered.module.back() ^= 1;
  must(manual.run(chain->start(forged, altered)));
  EXPECT_EQ(chain->state().rung, Rung::bundled);
  EXPECT_EQ(call("echo", "x"), "x");
  EXPECT_THAT(log, ::testing::Contains(HasSubstr("no known key signed")));
}

TEST_P(Chains, AfterTwoModulesThatTrapTheCallerGetsTheNativeAnswer) {
  make();
  must(manual.run(chain->start(release(2, "bad_pump_traps"), release(1, "bad_resume_traps"))).has_value() ? Result<>()
                                                                                                          : Result<>());
  // bad_pump_traps does not survive its probe; what stands must answer.
  EXPECT_EQ(call("echo", "still served"), "still served");
  EXPECT_EQ(chain->state().rung, Rung::bundled);
}

TEST_P(Chains, ATrapInServiceStepsDownAndTheCallIsMadeAgain) {
  make();
  must(manual.run(chain->start(release(2, "bridges"), release(1, "bridges"))));
  // `crash` traps on every module; native code would end the program, so the bundled rung is not to be reached.
  auto crash = manual.run(chain->call("crash", to_bytes("oops"), {.again = false}));
  ASSERT_FALSE(crash.has_value());
  EXPECT_EQ(crash.error().code(), Code::trap);
  EXPECT_THAT(crash.error().backtrace(), HasSubstr("fall_over"));
  EXPECT_EQ(chain->state().rung, Rung::previous);
  EXPECT_EQ(chain->state().version, 1u);
  EXPECT_EQ(call("echo", "x"), "x");
  EXPECT_THAT(log, ::testing::Contains(HasSubstr("current rung (version 2) ended")));
  EXPECT_EQ(std::count_if(log.begin(), log.end(),
                          [](const std::string& line) { return line.find("stepping down") != std::string::npos; }),
            1);
}

TEST_P(Chains, AReleaseThatGetsStuckStepsDownAndTheCallIsMadeAgain) {
  make();
  must(manual.run(chain->start(release(2, "bridges"), std::nullopt)));
  auto stuck = manual.run(chain->call("wait_for_ever", {}, {.again = false}));
  ASSERT_FALSE(stuck.has_value());
  EXPECT_EQ(stuck.error().code(), Code::stuck);
  EXPECT_EQ(chain->state().rung, Rung::bundled);
  EXPECT_THAT(log, ::testing::Contains(::testing::AllOf(HasSubstr("stepping down"), HasSubstr("wait_for_ever"))));
  EXPECT_EQ(call("echo", "x"), "x");
}

TEST_P(Chains, CallsThatWereInFlightGoOnOnTheNextRung) {
  make();
  must(manual.run(chain->start(release(2, "bridges"), release(1, "bridges"))));
  auto nap = spawn(chain->call("nap", to_bytes("50000000")), {.runtime = &manual.runtime()});
  manual.run();
  std::ignore = manual.run(chain->call("crash", to_bytes("oops"), {.again = false}));
  EXPECT_EQ(chain->state().rung, Rung::previous);
  manual.run_to_end();
  ASSERT_TRUE(nap.is_done());
  EXPECT_EQ(text(nap.result_now().take<Exceptions::none>()), "rested");
}

TEST_P(Chains, WithoutABundledRungTheChainEndsDisabledAndSaysWhy) {
  make(false);
  auto started = manual.run(chain->start(release(2, "bad_probe_fails"), std::nullopt));
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(chain->state().rung, Rung::disabled);
  EXPECT_THAT(call("echo", "x"), HasSubstr("sdk is disabled"));
}

TEST_P(Chains, AnUpdateIsProvedBeforeItServes) {
  make();
  must(manual.run(chain->start(release(1, "bridges"), std::nullopt)));
  auto refused = manual.run(chain->update(release(2, "bad_probe_fails")));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(chain->state().version, 1u);
  must(manual.run(chain->update(release(3, "bridges"))));
  EXPECT_EQ(chain->state().version, 3u);
  std::ignore = manual.run(chain->call("crash", to_bytes("oops"), {.again = false}));
  EXPECT_EQ(chain->state().rung, Rung::previous);
  EXPECT_EQ(chain->state().version, 1u);
}

TEST_P(Chains, TheKillListTakesAVersionBackAndAnOlderListIsRefused) {
  make();
  must(manual.run(chain->start(release(2, "bridges"), release(1, "bridges"))));
  auto list =
      must(KillList::parse(KillList::sign(7, {{"bridges", 2}}, key().secret_key), std::vector{key().public_key}));
  must(manual.run(chain->apply(std::move(list))));
  EXPECT_EQ(chain->state().rung, Rung::previous);
  EXPECT_EQ(chain->state().version, 1u);
  EXPECT_EQ(call("echo", "x"), "x");
  auto older = must(KillList::parse(KillList::sign(6, {}, key().secret_key), std::vector{key().public_key}));
  EXPECT_EQ(manual.run(chain->apply(std::move(older))).error().code(), Code::verification);
  EXPECT_FALSE(manual.run(chain->update(release(2, "bridges"))).has_value());
}

TEST_P(Chains, ClosingEndsCallsInFlightAndWaitsForEveryReactorItOpened) {
  make();
  must(manual.run(chain->start(release(2, "bridges"), release(1, "bridges"))));
  // One nap on the release that is replaced, one on the one that stands.
  auto old = spawn(chain->call("nap", to_bytes("50000000")), {.runtime = &manual.runtime()});
  manual.run();
  must(manual.run(chain->update(release(3, "bridges"))));
  auto now = spawn(chain->call("nap", to_bytes("50000000")), {.runtime = &manual.runtime()});
  manual.run();
  Instant before = manual.now();
  manual.run(chain->close());
  EXPECT_EQ(manual.now(), before);
  ASSERT_TRUE(old.is_done());
  ASSERT_TRUE(now.is_done());
  EXPECT_THAT(old.result_now().take<Exceptions::none>().error().to_string(), HasSubstr("it was closed"));
  EXPECT_THAT(now.result_now().take<Exceptions::none>().error().to_string(), HasSubstr("it was closed"));
  EXPECT_EQ(chain->state().rung, Rung::disabled);
  EXPECT_EQ(manual.run(chain->update(release(4, "bridges"))).error().code(), Code::root_dead);
  EXPECT_EQ(manual.run(chain->start(release(4, "bridges"), std::nullopt)).error().code(), Code::root_dead);
}

TEST(KillList, EveryAlteredByteOfASignedListIsRefused) {
  std::string text = KillList::sign(7, {{"sdk", 2}, {"other", 11}}, key().secret_key);
  std::vector<PublicKey> keys{key().public_key};
  EXPECT_TRUE(must(KillList::parse(text, keys)).kills("other", 11));
  EXPECT_FALSE(must(KillList::parse(text, keys)).kills("other", 12));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string altered = text;
    altered[i] ^= 1;
    EXPECT_FALSE(KillList::parse(altered, keys).has_value()) << "byte " << i;
    EXPECT_FALSE(KillList::parse(std::string_view(text).substr(0, i), keys).has_value()) << "cut at " << i;
  }
  EXPECT_FALSE(KillList::parse(text, {}).has_value());
}

TEST(Release, EveryAlteredPartIsRefused) {
  Release good = Release::sign("m", 1, {1, 2, 3}, key().secret_key);
  std::vector<PublicKey> keys{KeyPair::make().public_key, key().public_key};
  must(good.verify(keys));
  for (auto alter : std::vector<void (*)(Release&)>{
           [](Release& r) { r.name = "n"; }, [](Release& r) { ++r.version; }, [](Release& r) { r.module.push_back(0); },
           [](Release& r) { r.signature[5] ^= 1; }, [](Release& r) { r.name = "../m"; }}) {
    Release bad = good;
    alter(bad);
    EXPECT_EQ(bad.verify(keys).error().code(), Code::verification);
  }
  EXPECT_FALSE(good.verify(std::vector{KeyPair::make().public_key}).has_value());
}

}  // namespace
}  // namespace crank::reactor
