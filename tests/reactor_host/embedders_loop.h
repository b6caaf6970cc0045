// An embedder's own event loop, with one thread, a tick of 16 ms and a clock that nothing but the tick moves. The runtime is put
// into it through the three hooks, and gets one job a tick.
#pragma once

#include <deque>
#include <optional>

#include "crank/async/runtime.h"
#include "crank/async/turn.h"

namespace crank::reactor::testing {

class EmbeddersLoop {
 public:
  static constexpr Duration tick = std::chrono::milliseconds(16);

  EmbeddersLoop()
      : runtime_(
            {.context = this,
             .enqueue_global = [](void* self, Job& job) noexcept { of(self).jobs_.push_back(&job); },
             .enqueue_delayed =
                 [](void* self, Job& job, Instant when) noexcept {
                   of(self).timer_ = &job;
                   of(self).due_ = when;
                 },
             .enqueue_main = [](void* self, Job& job) noexcept { of(self).jobs_.push_back(&job); }},
            [](void* self) noexcept { return of(self).now_; }, this) {}

  Runtime& runtime() noexcept { return runtime_; }
  Instant now() const noexcept { return now_; }
  std::size_t ticks() const noexcept { return ticks_; }

  /// A frame of the embedder's: what it does itself, and then one job of the runtime's.
  void turn() {
    ++ticks_;
    now_ += tick;
    if (timer_ != nullptr && due_ <= now_) jobs_.push_back(std::exchange(timer_, nullptr));
    if (jobs_.empty()) return;
    Job* job = jobs_.front();
    jobs_.pop_front();
    run_job(*job, ExecutorRef::generic(), runtime_);
  }

 private:
  static EmbeddersLoop& of(void* self) noexcept { return *static_cast<EmbeddersLoop*>(self); }
  std::deque<Job*> jobs_;
  Job* timer_ = nullptr;
  Instant due_{}, now_{};
  std::size_t ticks_ = 0;
  Runtime runtime_;
};

}  // namespace crank::reactor::testing
