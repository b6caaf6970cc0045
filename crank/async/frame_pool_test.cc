// The lists of a thread's frame pool, by hand.
#include "crank/async/frame_pool.h"

#include <gtest/gtest.h>
#include <vector>

#include "crank/async/trace.h"

namespace crank {
namespace {

// A thread that has just begun its second batch, or just come back to its first, may be a loop that makes one call after
// another: it must not go to and fro between them with every call.
TEST(FramePool, AtTheEdgeOfABatchALoopStaysWithOneList) {
  if (!detail::frames_are_pooled) GTEST_SKIP() << "under AddressSanitizer every frame is an own allocation";
  constexpr std::size_t size = 1008;  // a class of its own here
  std::vector<void*> taken;
  for (unsigned i = 0; i < 2 * detail::frame_batch; ++i) taken.push_back(detail::frame_allocate(size));
  static int refills;
  TraceSink sink{
      [](void*, const TraceRecord& record) noexcept { refills += record.event == TraceEvent::frames_refilled; }};
  install_trace(&sink);
  int most = 0;
  auto loop = [&] {
    refills = 0;
    for (int i = 0; i < 10; ++i) detail::frame_free(detail::frame_allocate(size), size);
    most = refills > most ? refills : most;
  };
  while (!taken.empty()) {
    detail::frame_free(taken.back(), size);
    taken.pop_back();
    loop();
  }
  for (unsigned i = 0; i < 2 * detail::frame_batch; ++i) {
    taken.push_back(detail::frame_allocate(size));
    loop();
  }
  install_trace(nullptr);
  for (void* frame : taken) detail::frame_free(frame, size);
  EXPECT_LE(most, 1);
}

}  // namespace
}  // namespace crank
