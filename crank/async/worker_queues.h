// What a pool's worker keeps for itself at hand, in a header so that forking and joining compile to a few instructions: its
// deques by priority. Internal; the worker is pool_worker.h. A guest has one thread and none of this.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "crank/async/runtime.h"
#include "crank/async/task_record.h"
#include "crank/async/turn.h"
#include "crank/async/work_deque.h"

namespace crank::detail {

class WorkerQueues {
 public:
  /// On this worker's thread. `soon`: memory that running the job touches first.
  void push(Job& job, const void* soon) {
    auto level = level_of(job.priority);
    nonempty_ |= 1u << level;
    std::int64_t depth = deques_[level].push(&job, soon);
    if (idle_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      pushed_beside_sleepers(depth);
  }
  bool take_back(Job& job) noexcept {
    if (!deques_[level_of(job.priority)].pop_if(&job)) return false;
    job.mark.taken();
    return true;
  }
  bool serves(const Runtime& runtime) const noexcept { return &runtime_ == &runtime && runtime.is_pool(); }

 protected:
  WorkerQueues(Runtime& runtime, const std::atomic<std::uint64_t>& idle) noexcept : runtime_(runtime), idle_(idle) {}
  ~WorkerQueues() = default;
  CRANK_COLD void pushed_beside_sleepers(std::int64_t depth) noexcept;

  Runtime& runtime_;
  const std::atomic<std::uint64_t>& idle_;  // the pool's: a bit for each sleeping worker
  std::uint32_t nonempty_ = 0;              // a bit for each level that may have jobs
  std::array<WorkDeque, priority_levels> deques_;
};

/// Enqueues a task on its executor, as `enqueue` does, and quicker where that is the queue of this very thread.
inline void enqueue_task(TaskRecord& task) noexcept {
#if !defined(__wasm__)
  WorkerQueues* here = thread_state().queues;
  if (here && task.executor.is_generic() && !task.preference && here->serves(*task.runtime)) [[likely]] {
    task.mark.enqueued();
    return here->push(task, task.resume_point.address());
  }
#endif
  enqueue(*task.runtime, task.executor, task);
}

/// Takes a job that this thread enqueued last back out of its queue. False: it is not there any more.
inline bool take_back(Job& job) noexcept {
#if defined(__wasm__)
  (void)job;
  return false;
#else
  WorkerQueues* here = thread_state().queues;
  return here && here->take_back(job);
#endif
}

}  // namespace crank::detail
