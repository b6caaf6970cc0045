// Modules with names and ways of their own, driven by a filled-in table and no new code.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using ::testing::HasSubstr;
using testing::module_named;
using testing::Rig;
using testing::text;

NameMap patch_names() {
  NameMap names{.version = "",
                .initialize = "",
                .pump = "patch_pump",
                .pending = "patch_pending",
                .done = "patch_done",
                .result = "patch_result",
                .deadline = "",
                .resume = "patch_resolve",
                .cancel = "",
                .alloc = "",
                .free = "",
                .probe = "",
                .describe = ""};
  names.calls = {{"env", "async_request", "async_request"}};
  return names;
}

struct Mapped : ::testing::TestWithParam<bool>, Rig {};
INSTANTIATE_TEST_SUITE_P(Engines, Mapped, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(Mapped, AModuleWithPumpPendingDoneAndResolveOfItsOwnIsDriven) {
  std::vector<std::uint32_t> tokens;
  bridges->add_immediate("async_request", [&](BridgeRequest& request) -> Result<Bytes> {
    tokens.push_back(request.token);
    std::uint32_t value = request.token * 10;
    auto* bytes = reinterpret_cast<const std::byte*>(&value);
    return Bytes(bytes, bytes + 4);
  });
  open(module_named("patch", GetParam()), GetParam(), {.names = patch_names()});
  auto answer = manual.run(reactor->call("patch_init"));
  ASSERT_TRUE(answer.has_value()) << text(std::move(answer));
  EXPECT_FALSE(tokens.empty());
  EXPECT_GE(answer->size(), 4u);
}

TEST_P(Mapped, TheSameModuleWithoutTheTableIsRefusedByName) {
  auto opened = Reactor::open(manual.runtime(), testing::engine_for(GetParam()), module_named("patch", GetParam()));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::missing_export);
}

TEST_P(Mapped, AModuleWithAnotherPrefixIsDriven) {
  // timers.wat under names of somebody else's.
  std::ifstream file(CRANK_REACTOR_BAD "/../timers.wat");
  std::string source{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t at = 0; (at = source.find("(export \"crank_", at)) != std::string::npos;)
    source.replace(at, 15, "(export \"acme_");
  auto module = testing::must(engine::Module::compile_text(*testing::engine_for(GetParam()), source));
  auto unnamed = Reactor::open(manual.runtime(), testing::engine_for(GetParam()), module);
  ASSERT_FALSE(unnamed.has_value());
  EXPECT_THAT(unnamed.error().message(), HasSubstr("crank_"));
  open(module, GetParam(), {.names = NameMap::with_prefix("acme_")});
  EXPECT_EQ(call("after_two_waits", "a"), "a");
  testing::must(manual.run(reactor->probe()));
}

TEST_P(Mapped, AGuestWhoseTimersAreTheHostsIsServed) {
  open(module_named("timers", GetParam()), GetParam());
  Instant before = manual.now();
  EXPECT_EQ(call("after_two_waits", "a"), "a");
  EXPECT_EQ(manual.now() - before, std::chrono::milliseconds(2));
}

}  // namespace
}  // namespace crank::reactor
