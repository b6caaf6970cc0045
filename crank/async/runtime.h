// What "the pool", "later" and "main" mean for a task: three replaceable hooks (R5) and a clock. A Pool, a manual
// executor, a guest's pump and a foreign event loop each provide a Runtime; there is no global one, every task knows
// its own.
//
//     enqueue_global    run this job on some thread, soon: run_job(job, ExecutorRef::generic(), runtime)
//     enqueue_delayed   run this job at an instant; the same job armed again replaces its earlier instant
//     enqueue_main      run this job on the main executor: run_job(job, runtime.main(), runtime), one at a time
//
// A hook is called on any thread, from within the runtime's own code: it takes the job and returns. It never runs the job, nor
// anything else that calls back into the runtime, and does not fail. Only the runtime's timer queue uses the delayed hook,
// with one job of its own, armed to the earliest timer; it calls it under the timers' lock, so one call at a time, and the
// hook must not touch timers. The other two must
// bear being called by as many threads at once as the runtime has.
#pragma once

#include <atomic>
#include <chrono>

#include "crank/async/executor.h"
#include "crank/async/timer_queue.h"

namespace crank {

class Runtime;

/// Reads time. Real runtimes read the steady clock; a manual one is told.
using NowFunction = Instant (*)(void* context) noexcept;

struct Hooks {
  void* context = nullptr;
  void (*enqueue_global)(void* context, Job& job) noexcept = nullptr;
  void (*enqueue_delayed)(void* context, Job& job, Instant when) noexcept = nullptr;
  void (*enqueue_main)(void* context, Job& job) noexcept = nullptr;
};

namespace detail {
Duration machine_continuous_time() noexcept;
}

class Runtime {
 public:
  /// A null `now` reads the steady clock.
  explicit Runtime(Hooks hooks, NowFunction now = nullptr, void* clock = nullptr) noexcept;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  /// Runs the job on the pool, or on the task executor a task prefers. From any thread.
  void enqueue(Job& job) noexcept;
  void enqueue_main(Job& job) noexcept { hooks_.enqueue_main(hooks_.context, job); }
  Instant now() const noexcept { return now_(clock_); }
  /// The continuous clock of this runtime (clock.h): the machine's, or the runtime's own where its time is its own.
  Duration continuous_since_origin() const noexcept {
    return continuous_  ? continuous_(clock_).time_since_epoch()
           : own_clock_ ? now().time_since_epoch()
                        : detail::machine_continuous_time();
  }
  /// For runtimes whose time is virtual; reads the same context as `now`.
  void set_continuous_clock(NowFunction function) noexcept { continuous_ = function; }
  TimerQueue& timers() noexcept { return timers_; }

  /// The main executor of this runtime: custom and serial, enqueues by the main hook, never gives up its thread.
  ExecutorRef main() noexcept { return main_.ref(); }

  /// Replaces the hooks, before any work runs on this runtime: to count, to delay, to send elsewhere what a Pool or a
  /// manual executor would take. The new ones may pass on to the old ones (`hooks`).
  void replace_hooks(Hooks hooks) noexcept {
    hooks_ = hooks;
    pool_ = nullptr;
  }
  const Hooks& hooks() const noexcept { return hooks_; }
  /// Its global hook is a Pool's: then a worker of that pool may keep to short cuts.
  bool is_pool() const noexcept { return pool_ != nullptr; }
  void set_pool(TaskExecutor& pool) noexcept { pool_ = &pool; }
  /// What a task or a turn of this runtime names when it prefers `executor`: null for the runtime's own pool, which null
  /// stands for already (R3).
  TaskExecutor* unless_own(TaskExecutor* executor) const noexcept { return executor == pool_ ? nullptr : executor; }
  /// Priorities are recorded and inherited here, and reorder nothing, not even an actor's queue (R10): a pump, a manual
  /// executor. Said before any actor is made on this runtime.
  bool flattens_priorities() const noexcept { return flat_; }
  void flatten_priorities() noexcept { flat_ = true; }
  /// One thread at a time turns all of it, as a pump and a manual executor are turned: whoever asks finds every other
  /// task at rest.
  bool turned_by_one_thread() const noexcept { return one_thread_; }
  void set_turned_by_one_thread() noexcept { one_thread_ = true; }

#if defined(__wasm__)
  /// Tasks of this runtime that have not ended: a component's call may exit when it is 0 (crank/guest/component_task.h).
  std::uint32_t living_tasks = 0;
#endif

 private:
  class Main final : public SerialExecutor {
   public:
    explicit Main(Runtime& runtime) noexcept : runtime_(runtime) {}
    void enqueue(Job& job) override { runtime_.enqueue_main(job); }

   private:
    Runtime& runtime_;
  };
  friend class TimerQueue;

  Hooks hooks_;
  NowFunction now_;
  void* clock_;
  NowFunction continuous_ = nullptr;
  const bool own_clock_;
  TaskExecutor* pool_ = nullptr;
#if defined(__wasm__)
  bool flat_ = true, one_thread_ = true;
#else
  bool flat_ = false, one_thread_ = false;
#endif
  Main main_;
  TimerQueue timers_;
};

/// Routes a job to an executor by its kind (R5): generic to the task's preferred executor or `runtime`'s pool, a default
/// actor to its own queue, a custom executor to its `enqueue`. From any thread; never runs the job.
void enqueue(Runtime& runtime, ExecutorRef executor, Job& job) noexcept;

}  // namespace crank
