// The main executor's run loop: a serial queue that some thread serves, by hand. Its guarantee is the executor, not the
// thread: another thread may go on serving it after the first has stopped.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "crank/async/runtime.h"

namespace crank {

class MainLoop {
 public:
  MainLoop() = default;
  MainLoop(const MainLoop&) = delete;
  MainLoop& operator=(const MainLoop&) = delete;

  /// For a runtime's main hook. From any thread.
  void enqueue(Job& job) noexcept;
  /// Serves the main executor of `runtime` on this thread until `stop`. One thread at a time: a second waits its turn.
  void run(Runtime& runtime);
  /// Runs what is queued now and returns how many jobs that were.
  std::size_t run_ready(Runtime& runtime);
  /// Makes the running `run`, or the next one, return. From any thread.
  void stop() noexcept;
  /// The thread that serves it now.
  std::optional<std::thread::id> serving() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  JobList jobs_;
  bool stopping_ = false;
  std::optional<std::thread::id> serving_;
};

}  // namespace crank
