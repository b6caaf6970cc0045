// How a pool worker sleeps. Replaceable for each worker, so that an event loop can be what an idle worker waits in, and its
// completions run on the worker that saw them.
//
// Contract
//  1  `unpark` before or during `park` makes that park return soon; unparks do not add up; `park` may return at any time.
//  2  `park` may run completions; they enqueue jobs, which go to this worker's own queue. After having run any it returns.
//  3  `poll` is called now and then by a busy worker: run what is ready, never wait.
//  4  `run_held_up` is called in the middle of a long job of this worker: what only this worker may run, and waits for the
//     end of that job, gets a bounded batch.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace crank {

class Parker {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  virtual ~Parker() = default;
  /// Waits for `unpark`, a completion, or `until`. Only called by its worker.
  virtual void park(std::optional<TimePoint> until) = 0;
  /// From any thread.
  virtual void unpark() noexcept = 0;
  /// Runs what is ready without waiting. Only called by its worker.
  virtual void poll() {}
  /// False: there was nothing.
  virtual bool run_held_up() { return false; }
};

/// The default: one futex word.
class FutexParker final : public Parker {
 public:
  void park(std::optional<TimePoint> until) override;
  void unpark() noexcept override;

 private:
  std::atomic<std::uint32_t> token_{0};  // 0 nothing, 1 an unpark to consume, 2 asleep
};

}  // namespace crank
