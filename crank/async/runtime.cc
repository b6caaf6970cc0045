#include "crank/async/runtime.h"

#include "crank/async/default_actor.h"
#include "crank/async/task_record.h"

namespace crank {
namespace {
Instant steady_now(void*) noexcept { return std::chrono::steady_clock::now(); }
}  // namespace

Runtime::Runtime(Hooks hooks, NowFunction now, void* clock) noexcept
    : hooks_(hooks),
      now_(now ? now : steady_now),
      clock_(clock),
      own_clock_(now != nullptr),
      main_(*this),
      timers_(*this) {}
Runtime::~Runtime() = default;

void Runtime::enqueue(Job& job) noexcept {
  if (job.kind == JobKind::task) {
    if (TaskExecutor* preferred = static_cast<TaskRecord&>(job).preference) {
#if !defined(__wasm__)
      job.run = detail::run_preferring;
#endif
      return preferred->enqueue(job);
    }
  }
  hooks_.enqueue_global(hooks_.context, job);
}

void enqueue(Runtime& runtime, ExecutorRef executor, Job& job) noexcept {
  if (DefaultActor* actor = executor.default_actor()) return actor->enqueue(job);
  if (executor.is_custom()) return executor.operations()->enqueue(executor.identity(), job);
  runtime.enqueue(job);
}

}  // namespace crank
