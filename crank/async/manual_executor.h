// A runtime turned by hand (R14): one thread, a virtual clock, a seed. Every program runs deterministically on it.
//
//     crank::ManualExecutor manual;
//     auto handle = crank::spawn(program(), {.runtime = &manual.runtime()});
//     manual.run();                                   // everything that is ready
//     manual.advance(std::chrono::seconds(1));        // timers in order, and everything they make ready
//
// Without a seed jobs run first in, first out; with one, the next job is drawn from those that are ready, the same way on
// every run with that seed. Priorities are recorded and do not reorder (R10). The main executor is served too.
//
// Not thread-safe: one thread at a time turns it, spawns on it, and resumes what waits on it. A callback that comes on another
// thread belongs on a Pool, or through a queue of yours that is emptied between turns.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "crank/async/runtime.h"
#include "crank/async/spawn.h"

namespace crank {

class ManualExecutor {
 public:
  explicit ManualExecutor(std::optional<std::uint64_t> seed = {}) noexcept;

  Runtime& runtime() noexcept { return runtime_; }
  Instant now() const noexcept { return now_; }

  /// Runs one ready job; false when there is none. Time stands still.
  bool step() noexcept;
  /// Runs what is ready, at most `budget` jobs; says how many ran.
  std::size_t run(std::size_t budget = ~std::size_t{0}) noexcept;
  /// Moves the clock on, stopping at each timer on the way and running what it makes ready.
  void advance(Duration by) noexcept;
  /// The machine is asleep for that long: the continuous clock goes on, the one that timers run by stands still
  /// (clock.h).
  void machine_sleeps(Duration by) noexcept { slept_ += by; }
  /// Runs and moves the clock from timer to timer until neither jobs nor timers are left; says how far the clock moved.
  Duration run_to_end() noexcept;
  std::size_t ready() const noexcept { return jobs_.size() - head_; }
  /// The instant of the next timer, if any.
  std::optional<Instant> next_timer() const noexcept;

  /// Runs a task to its end, turning the clock as needed. A task that can never go on is a bug, said by name and with its
  /// frames.
  template <class T, Exceptions policy = default_exceptions>
  T run(Task<T> body, SpawnOptions options = {}) {
    options.runtime = &runtime_;
    TaskHandle<T> handle = spawn(std::move(body), options);
    while (!handle.is_done()) {
      if (run() == 0 && !turn_to_next_timer() && !handle.is_done()) idle_before_the_end_of(handle.task());
    }
    return handle.result_now().template take<policy>();
  }

 private:
  struct Ready {
    Job* job;
    bool main;
  };
  bool turn_to_next_timer() noexcept;
  [[noreturn]] static void idle_before_the_end_of(const TaskRecord& task) noexcept;
  std::uint64_t draw() noexcept;

  Runtime runtime_;
  Instant now_{};
  Duration slept_{};
  std::optional<std::uint64_t> seed_;
  std::uint64_t state_ = 0;
  std::vector<Ready> jobs_;
  std::size_t head_ = 0;
  Job* timer_job_ = nullptr;
  Instant timer_at_ = Instant::max();
};

}  // namespace crank
