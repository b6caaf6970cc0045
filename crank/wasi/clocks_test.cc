#include <gtest/gtest.h>

#include "crank/async/manual_executor.h"
#include "crank/component/root.h"
#include "crank/wasi/context.h"

namespace crank::wasi {
namespace {

using namespace component;

struct Clocks : ::testing::Test {
  std::shared_ptr<Context> context = std::make_shared<Context>();
  Imports imports;
  Import import{"wasi:clocks/monotonic-clock@0.3.0", "wait-for", nullptr};
  ManualExecutor manual;
  Clocks() { add_clocks(imports, context); }

  Task<> wait(std::string name, std::uint64_t nanoseconds, bool& over) {
    auto found = imports.find("wasi:clocks/monotonic-clock@0.3.0", name);
    auto answer = co_await (*found.async)(HostCall(nullptr, "test", import, nullptr), values(Value::u64(nanoseconds)));
    over = static_cast<bool>(answer);
  }
  Task<> now(std::uint64_t& at) {
    HostCall call(nullptr, "test", import, nullptr);
    auto answer = (*imports.find("wasi:clocks/monotonic-clock@0.3.0", "now").plain)(call, {});
    at = answer->as_u64();
    co_return;
  }
  void run() {
    while (manual.step()) {}
  }
};

TEST_F(Clocks, WaitForEndsWhenItsTimeHasPassedOnTheRuntimesClock) {
  bool over = false;
  spawn(wait("wait-for", 10'000'000, over), {.runtime = &manual.runtime()}).run_on();
  run();
  EXPECT_FALSE(over);
  manual.advance(std::chrono::milliseconds(9));
  run();
  EXPECT_FALSE(over);
  manual.advance(std::chrono::milliseconds(2));
  run();
  EXPECT_TRUE(over);
}

TEST_F(Clocks, WaitUntilThePastDoesNotWaitAndNowMovesWithTheClock) {
  bool over = false;
  std::uint64_t first = 0, second = 0;
  spawn(now(first), {.runtime = &manual.runtime()}).run_on();
  run();
  manual.advance(std::chrono::milliseconds(5));
  spawn(wait("wait-until", first, over), {.runtime = &manual.runtime()}).run_on();
  spawn(now(second), {.runtime = &manual.runtime()}).run_on();
  run();
  EXPECT_TRUE(over);
  EXPECT_EQ(second - first, 5'000'000u);
}

TEST_F(Clocks, TheLongestWaitIsNoOverflow) {
  bool over = false;
  auto waiting = spawn(wait("wait-for", UINT64_MAX, over), {.runtime = &manual.runtime()});
  run();
  manual.advance(std::chrono::hours(1));
  run();
  EXPECT_FALSE(over);
  waiting.cancel();
  std::move(waiting).run_on();
  run();
}

}  // namespace
}  // namespace crank::wasi
