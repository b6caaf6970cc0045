// Pool workers that wait in an event loop, and an executor that is one worker.
//
//   PoolOptions options;  options.parker = loop_parkers();
//   Pool pool(options);
//   EventLoop& loop = loop_of(pool, 0);              // connections of worker 0 hang here
//   WorkerExecutor here(pool, 0);                    // tasks that use them run here
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "crank/async/executor.h"
#include "crank/async/parker.h"
#include "crank/async/pool.h"
#include "crank/io/event_loop.h"

namespace crank::io {

class WorkerExecutor;

class LoopParker final : public Parker {
 public:
  LoopParker() { loop_.adopt_thread(); }
  void park(std::optional<TimePoint> until) override { loop_.wait(until); }
  void unpark() noexcept override { loop_.wake(); }
  void poll() override { loop_.poll(); }
  bool run_held_up() override;
  EventLoop& loop() noexcept { return loop_; }

 private:
  friend class WorkerExecutor;
  EventLoop loop_;
  struct Executors {
    std::mutex lock;
    std::vector<WorkerExecutor*> all;
  };
  std::shared_ptr<Executors> executors_ = std::make_shared<Executors>();  // theirs, too: they may outlive the pool
};

/// Runs `job` on the worker's thread and waits for it: for setting up and tearing down what belongs to its loop. Not to be
/// called from a worker.
void run_on(WorkerExecutor& executor, Callback job);

/// For PoolOptions::parker: every worker gets a loop.
std::function<std::unique_ptr<Parker>(unsigned worker)> loop_parkers();
/// The loop of a worker of a pool made with loop_parkers().
EventLoop& loop_of(Pool& pool, unsigned worker) noexcept;

/// A serial executor bound to one worker, for tasks that own sockets of its loop. Outlives its tasks.
class WorkerExecutor final : public SerialExecutor {
 public:
  WorkerExecutor(Pool& pool, unsigned worker);
  ~WorkerExecutor();
  void enqueue(Job& job) override;
  unsigned worker() const noexcept { return worker_; }
  Pool& pool() noexcept { return pool_; }
  EventLoop& loop() noexcept { return loop_; }

 private:
  struct Drain : Job {
    WorkerExecutor* executor = nullptr;
  };
  void drain() noexcept;
  /// Some of its jobs, from inside the one that runs: the task of that one is at an await, whatever its stack looks like.
  bool run_some() noexcept;
  friend class LoopParker;

  Pool& pool_;
  const unsigned worker_;
  EventLoop& loop_;
  std::shared_ptr<LoopParker::Executors> executors_;
  Drain drain_;
  JobList local_;                                  // touched by the worker's thread alone
  alignas(64) std::atomic<Job*> remote_{nullptr};  // newest first; null: nothing, and no drain is on its way for it
  bool scheduled_ = false;                         // the drain is posted, for local jobs
};

}  // namespace crank::io
