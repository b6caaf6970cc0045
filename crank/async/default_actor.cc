#include "crank/async/default_actor.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "crank/async/misuse.h"
#include "crank/async/runtime.h"
#include "crank/async/task_record.h"
#include "crank/async/trace.h"

namespace crank {
namespace {
#if defined(__wasm__)
constexpr bool flat_without_home = true;
#else
constexpr bool flat_without_home = false;
#endif
}  // namespace

DefaultActor::DefaultActor(Runtime& runtime) noexcept : DefaultActor(&runtime, runtime.flattens_priorities()) {}
DefaultActor::DefaultActor() noexcept : DefaultActor(nullptr, flat_without_home) {}

DefaultActor::DefaultActor(Runtime* home, bool flat) noexcept : home_(home), flat_(flat) {
  drain_job_.actor = this;
  drain_job_.kind = JobKind::drain;
  drain_job_.priority = Priority::background;
  drain_job_.run = arrive;
}

// The turn's owner (run_in_turn) drains: here the thread only arrives.
void DefaultActor::arrive(Job* job) noexcept {
  detail::thread_state().turn->executor = static_cast<DrainJob*>(job)->actor->ref();
}

#if !defined(__wasm__)
// On an executor that the waking task prefers: it is named in the turn, unless it is already.
void DefaultActor::arrive_preferring(Job* job) noexcept {
  const Turn named = static_cast<DrainJob*>(job)->actor->nested_;
  job->run = arrive;
  if (detail::thread_state().turn->task_executor == named.task_executor) return arrive(job);
  detail::TurnScope scope(ExecutorRef::generic(), named.runtime, named.task_executor);
  detail::run_in_turn(scope.turn(), *job);
}
#endif

DefaultActor::~DefaultActor() {
  std::uintptr_t word = word_.load(std::memory_order_acquire);
  if (queued_ != 0 || arrived(word)) detail::misuse("an actor was destroyed while jobs waited for it");
}

void DefaultActor::enqueue(Job& job) noexcept {
  job.mark.enqueued();
  const Priority urgency = job.priority;
  const std::uintptr_t mine = level_bits(level_of(urgency));
  std::uintptr_t seen = word_.load(std::memory_order_relaxed), word;
  bool raises;
  do {
    std::uintptr_t level = seen & levels;
    raises = seen != 0 && mine > level;
    if (raises) [[unlikely]]
      drain_job_.priority.raise_to(urgency);  // rule 7
    job.next = arrived(seen);
    word = reinterpret_cast<std::uintptr_t>(&job) | std::max(mine, level) | held_bit;
    // Release: pairs with absorb. Acquire: what we take over from the last holder, who released in try_release.
  } while (!word_.compare_exchange_weak(seen, word, std::memory_order_acq_rel, std::memory_order_relaxed));
  // Seen idle: the hold is now ours (rule 1).
  if (seen == 0) return schedule_drain(job);
  if (raises) [[unlikely]]
    detail::note_escalation();
}

// The waking job is still in our queue and no drain runs yet, so it may be read. The word has its level already.
void DefaultActor::schedule_drain(const Job& waking) noexcept {
  detail::trace(TraceEvent::drain_scheduled,
                waking.kind == JobKind::task ? static_cast<const TaskRecord*>(&waking) : nullptr, {}, ref());
  if constexpr (levels != 0) drain_job_.priority.raise_to(waking.priority);
  Runtime* home = home_;
  if (waking.kind == JobKind::task) {
    if (TaskExecutor* preferred = static_cast<const TaskRecord&>(waking).preference) {
#if !defined(__wasm__)
      // Kept in the nested turn: who waits for a drain has none.
      nested_.runtime = static_cast<const TaskRecord&>(waking).runtime;
      nested_.task_executor = preferred;
      drain_job_.run = arrive_preferring;
#endif
      return preferred->enqueue(drain_job_);
    }
    // In a component every call has a runtime of its own: the drain is work of the call that woke the actor, which may
    // outlive the call that made it.
#if !defined(__wasm__)
    if (!home)
#endif
      home = static_cast<const TaskRecord&>(waking).runtime;
  }
  if (!home && !(home = current_runtime())) detail::misuse("a global actor was woken outside of any runtime");
  home->enqueue(drain_job_);
}

// Each arrival is looked at once: with many callers none of them is in this thread's cache.
void DefaultActor::absorb() noexcept {
  Job* newest = arrived(word_.exchange(running, std::memory_order_acquire));
  JobList came[priority_levels];
  while (newest) {
    Job* next = newest->next;
    came[flat() ? 0u : level_of(newest->priority)].push_front(*newest);
    ++queued_;
    newest = next;
  }
  for (unsigned level = 0; level < priority_levels; ++level) {
    if (came[level].empty()) continue;
    queues_[level].append(came[level]);
    nonempty_ |= 1u << level;
  }
}

namespace {
// The job after the one that is about to run, and the one behind it.
inline void fetch_ahead(Job* next) noexcept {
  if (!next) return;
  if (next->next) {
    __builtin_prefetch(next->next, 1);
    __builtin_prefetch(reinterpret_cast<char*>(next->next) + 64, 1);
  }
  if (next->kind == JobKind::task) {
    auto* frame = static_cast<char*>(static_cast<TaskRecord*>(next)->resume_point.address());
    __builtin_prefetch(frame, 1);
    __builtin_prefetch(frame + 64, 1);
  }
}
}  // namespace

Job* DefaultActor::take() noexcept {
  if (word_.load(std::memory_order_relaxed) != running) absorb();
  if (nonempty_ == 0) return nullptr;
  if (!flat() && watch_.due(queued_)) [[unlikely]]
    sort_again();
  auto level = static_cast<unsigned>(std::bit_width(nonempty_) - 1);
  Job* job = queues_[level].pop();
  fetch_ahead(queues_[level].first());
  if (queues_[level].empty()) nonempty_ &= ~(1u << level);
  --queued_;
  return job;
}

// Only upwards: from the most urgent queue down, so that nothing is looked at twice. What comes later stays behind what
// was there.
[[gnu::noinline]] void DefaultActor::sort_again() noexcept {
  if (flat()) return;
  for (unsigned level = priority_levels - 1; level-- > 0;) {
    JobList were = std::exchange(queues_[level], {});
    while (Job* job = were.pop()) {
      unsigned now = std::max(level_of(job->priority), level);
      if (now != level)
        detail::trace(TraceEvent::moved_up, job->kind == JobKind::task ? static_cast<TaskRecord*>(job) : nullptr, ref(),
                      ref());
      queues_[now].push(*job);
      nonempty_ |= 1u << now;
    }
    if (queues_[level].empty()) nonempty_ &= ~(1u << level);
  }
}

// Before the drain goes to a queue with jobs waiting: makes the most urgent one's priority the level, and answers it.
unsigned DefaultActor::publish_level() noexcept {
  for (;;) {
    if (word_.load(std::memory_order_relaxed) != running) absorb();
    auto top = nonempty_ ? static_cast<unsigned>(std::bit_width(nonempty_) - 1) : 0;
    if constexpr (levels == 0) return top;
    std::uintptr_t expected = running;
    if (word_.compare_exchange_strong(expected, level_bits(top) | held_bit, std::memory_order_release,
                                      std::memory_order_relaxed))
      return top;
  }
}

void DefaultActor::refresh_drain(Job& drain) noexcept {
  if (flat_without_home) return;  // a guest
  DefaultActor& actor = *static_cast<DrainJob&>(drain).actor;
  actor.absorb();
  actor.sort_again();
  drain.priority.raise_to(static_cast<Priority>(actor.publish_level()));
}

void DefaultActor::release() noexcept {
  if (try_release()) return;
  unsigned level = publish_level();
  Job* first = queues_[level].pop();
  queues_[level].push_front(*first);
  schedule_drain(*first);
}

void DefaultActor::drain(Turn& turn, unsigned& budget) noexcept {
  const ExecutorRef self = ref();
  if constexpr (levels != 0) drain_job_.priority = Priority::background;  // rule 7
  for (;;) {
    if (budget == 0) {
      turn.executor = ExecutorRef::generic();
      return release();
    }
    Job* job = take();
    if (!job) {
      if (!try_release()) continue;
      turn.executor = ExecutorRef::generic();
      return;
    }
    --budget;
    job->mark.taken();
    job->run(job);
    if (turn.executor != self) return;  // it left, and released us while doing so (rule 5)
  }
}

[[gnu::noinline]] bool DefaultActor::try_enter() noexcept {
  if (!try_hold()) return false;
  continue_turn();
  return true;
}

[[gnu::noinline]] void DefaultActor::continue_turn() noexcept {
  detail::ThreadState& thread = detail::thread_state();
  Turn* outer = thread.turn;
  nested_.executor = ref();
  nested_.runtime = outer && outer->runtime ? outer->runtime : home_;
  nested_.task_executor = outer ? outer->task_executor : nullptr;
  nested_.outer = outer;
  nested_.yield_requested = true;  // a nested call never gives its thread away: the caller below needs it back
  thread.turn = &nested_;
}

[[gnu::noinline]] void DefaultActor::park_turn() noexcept {
  detail::ThreadState& thread = detail::thread_state();
  if (thread.turn != &nested_) detail::misuse("an actor's turn was parked that is not the top turn of this thread");
  thread.turn = nested_.outer;
}

[[gnu::noinline]] void DefaultActor::leave() noexcept {
  park_turn();
  release();
}

}  // namespace crank
