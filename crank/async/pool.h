// A pool of worker threads with work stealing (R10).
//
//     external thread --> shared inbox --+      each worker: deques by priority (newest first for itself, oldest for thieves),
//     post_to(worker) --> own inbox   ---+-->                an own inbox, a parker
//
// - What a worker makes ready goes to its own deque: its next job is the one it woke last, on a warm cache. Every 61st job it
//   takes the oldest instead, and looks at the inboxes and the event loop.
// - A sleeping worker is not woken for a single short job: waking costs thousands of jobs. It is woken when the queue of a
//   worker is deep. While any worker is busy one idle worker looks in from time to time (50 microseconds, doubling to 1
//   millisecond), so that a job behind a long turn does not wait longer than that. When all are idle nothing runs at all.
// - A worker whose stolen jobs were over at once puts off its next steal, for 100 microseconds at most: what one worker does
//   alone quicker than two (tasks that call one actor, or share a channel) stays with it.
// - Workers must not block: there is one for each processor and no more. One that runs a job for more than 100 ms is named.
#pragma once

#include <functional>
#include <memory>

#include "crank/async/executor.h"
#include "crank/async/parker.h"
#include "crank/async/runtime.h"

namespace crank {

class MainLoop;
class PoolWorker;

struct PoolOptions {
  unsigned threads = 0;  ///< 0: one for each processor; at most 64, a bit of a word for each
  /// Makes the parker of a worker, on the worker's own thread; empty: futexes.
  std::function<std::unique_ptr<Parker>(unsigned worker)> parker = {};
  /// Called on a worker that has run one job for more than `blocked_after`; empty: a line on the error stream.
  std::function<void(unsigned worker, Duration so_far)> on_blocked = {};
  Duration blocked_after = std::chrono::milliseconds(100);
};

/// The threads, and the Runtime they serve. As a task executor: a task of another runtime may prefer it, and then runs here
/// with this pool named; to its own tasks it is what they have without a preference.
class Pool final : public TaskExecutor {
 public:
  explicit Pool(PoolOptions options = {});
  /// Runs what is enqueued until nothing is ready (at most 65,536 jobs a worker), then joins the threads. Tasks that still
  /// wait are not ended: they must have been.
  ~Pool();

  Runtime& runtime() noexcept;
  unsigned size() const noexcept;

  /// Any worker. From any thread.
  void enqueue(Job& job) override;
  /// That worker and no other, in order of posting. From any thread.
  void post_to(unsigned worker, Job& job) noexcept;
  /// The calling thread's index in this pool, or -1.
  int worker_index() const noexcept;
  /// The parker made for a worker.
  Parker& parker(unsigned worker) noexcept;
  /// Serves `runtime().main()`: some thread must run it (`sync_wait` does while it waits).
  MainLoop& main_loop() noexcept;

 private:
  friend class PoolWorker;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crank
