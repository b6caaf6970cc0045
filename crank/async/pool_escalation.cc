// The pool's side of escalation.h: what a worker does when something that may stand in its queues was raised.
#include "crank/async/escalation.h"

#include <algorithm>

#include "crank/async/default_actor.h"
#include "crank/async/pool_worker.h"
#include "crank/async/task_record.h"
#include "crank/async/trace.h"

namespace crank {

// Called every 61 jobs. Emptied from the newest end and filled again from the oldest, so that the order within a priority
// stays; thieves may take meanwhile, as ever.
void PoolWorker::sort_again() {
  std::size_t queued = 0;
  for (unsigned level = 0; level + 1 < priority_levels; ++level)
    queued += static_cast<std::size_t>(std::max<std::int64_t>(deques_[level].size(), 0));
  if (!watch_.due(queued, 61) || queued == 0) [[likely]]
    return;
  for (unsigned level = priority_levels - 1; level-- > 0;) {
    JobList jobs;
    while (Job* job = deques_[level].pop()) jobs.push_front(*job);
    while (Job* job = jobs.pop()) {
      if (job->kind == JobKind::drain) DefaultActor::refresh_drain(*job);
      auto* task = job->kind == JobKind::task ? static_cast<TaskRecord*>(job) : nullptr;
      unsigned now = std::max(level_of(job->priority), level);
      if (now != level) detail::trace(TraceEvent::moved_up, task);
      nonempty_ |= 1u << now;
      deques_[now].push(job, task ? task->resume_point.address() : nullptr);
    }
  }
}

}  // namespace crank
