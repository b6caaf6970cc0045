// What of cancelling a tree is no law to be run everywhere: without membarrier, and how deep it may be.
#include "crank/async/cancellation_wave.h"

#include <gtest/gtest.h>

#include "crank/async/async_let.h"
#include "crank/async/group.h"
#include "crank/async/laws_bodies.h"
#include "crank/async/manual_executor.h"
#include "crank/async/pool.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/async/sync_wait.h"
#include "crank/async/yield.h"

namespace crank {
namespace {

using namespace std::chrono_literals;

TEST(CancellationWave, ReachesEveryLeafWithoutAsymmetricFences) {
  Pool pool({.threads = 4});  // which prepares the fences
  detail::refuse_asymmetric_fences(true);
  for (int i = 0; i < 50; ++i) sync_wait(pool, laws::cancel_a_tree(5, 4, 4 * 2 * 4 * 2 * 4));
  detail::refuse_asymmetric_fences(false);
}

Task<int> chain_of(int length) {
  if (length == 0) co_return co_await sleep_for(1h) == SleepOutcome::cancelled;
  auto next = async_let(chain_of(length - 1));
  co_return co_await next;
}

TEST(CancellationWave, TheDepthOfATreeCostsNoStack) {
  ManualExecutor manual;
  auto handle = spawn(chain_of(100'000), {.runtime = &manual.runtime()});
  manual.run();
  handle.cancel();
  manual.run();
  EXPECT_TRUE(handle.is_done());
}

}  // namespace
}  // namespace crank
