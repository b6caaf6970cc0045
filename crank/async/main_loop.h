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
  /// Waits until `finish(done)`, and serves meanwhile whenever no other thread does. `stop` does not end it. Any number
  /// of threads may wait so, each for its own `done`; when the one that serves is done another takes over.
  void run_until(Runtime& runtime, const bool& done);
  /// Sets the `done` of a `run_until`, which may return, and free it, before this does. From any thread.
  void finish(bool& done) noexcept;
  /// Runs what is queued now and returns how many jobs that were.
  std::size_t run_ready(Runtime& runtime);
  /// Makes the running `run`, or the next one, return. From any thread.
  void stop() noexcept;
  /// The thread that serves it now.
  std::optional<std::thread::id> serving() const;

 private:
  template <class Over>
  std::size_t serve(std::unique_lock<std::mutex>& lock, Runtime& runtime, bool until_stop, Over over);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  JobList jobs_;
  bool stopping_ = false;
  bool until_stop_ = false;  // it is a `run` that serves, which a `stop` is for
  std::optional<std::thread::id> serving_;
};

}  // namespace crank
