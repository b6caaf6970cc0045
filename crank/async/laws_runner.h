// Test support: the manual executor's idea on several threads. Jobs run on whichever thread is free, in no particular
// order; when all threads are idle the virtual clock moves to the next timer. So a program may sleep for an hour here,
// and every run interleaves differently, which is what a sanitizer wants.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "crank/async/runtime.h"
#include "crank/async/spawn.h"

namespace crank::laws {

class TurnedByThreads {
 public:
  explicit TurnedByThreads(unsigned threads);
  Runtime& runtime() noexcept { return runtime_; }

  /// Runs a task to its end on all threads, and then whatever is still ready. A task that can never go on fails the test.
  void run(Task<> body);
  /// How many timers are left.
  std::size_t timers() { return runtime_.timers().size(); }

 private:
  void turn(const std::function<bool()>& done);
  void push(JobList& list, Job& job) noexcept;

  std::mutex mutex_;
  std::condition_variable changed_;
  JobList jobs_, main_jobs_;
  bool main_busy_ = false, stuck_ = false;
  unsigned threads_, running_ = 0;
  Job* timer_ = nullptr;
  Instant timer_at_{};
  std::atomic<Instant::rep> now_{0};
  Runtime runtime_;
};

}  // namespace crank::laws
