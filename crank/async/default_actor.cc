#include "crank/async/default_actor.h"

#include <bit>

#include "crank/async/misuse.h"
#include "crank/async/runtime.h"
#include "crank/async/task_record.h"
#include "crank/async/trace.h"

namespace crank {

DefaultActor::DefaultActor(Runtime& runtime) noexcept : runtime_(runtime) {
  drain_job_.actor = this;
  drain_job_.run = [](Job* job) noexcept {
    DefaultActor& actor = *static_cast<DrainJob*>(job)->actor;
    Turn& turn = *detail::thread_state().turn;
    // The turn's owner (run_in_turn) drains: here the thread only arrives.
    turn.executor = actor.ref();
  };
}

DefaultActor::~DefaultActor() {
  std::uintptr_t word = word_.load(std::memory_order_acquire);
  if (queued_ != 0 || (word & ~held_bit) != 0) detail::misuse("an actor was destroyed while jobs waited for it");
}

void DefaultActor::enqueue(Job& job) noexcept {
  job.mark.enqueued();
  std::uintptr_t seen = word_.load(std::memory_order_relaxed);
  auto mine = reinterpret_cast<std::uintptr_t>(&job) | held_bit;
  do {
    job.next = reinterpret_cast<Job*>(seen & ~held_bit);
    // Release: pairs with absorb. Acquire: what we take over from the last holder, who released in try_release.
  } while (!word_.compare_exchange_weak(seen, mine, std::memory_order_acq_rel, std::memory_order_relaxed));
  // Seen idle: the hold is now ours (rule 1).
  if (seen == 0) schedule_drain(job);
}

// The waking job is still in our queue and no drain runs yet, so it may be read.
void DefaultActor::schedule_drain(const Job& waking) noexcept {
  drain_job_.priority = static_cast<Priority>(waking.priority);
  if (waking.kind == JobKind::task) {
    if (TaskExecutor* preferred = static_cast<const TaskRecord&>(waking).preference)
      return preferred->enqueue(drain_job_);
#if defined(__wasm__)
    // In a component every call has a runtime of its own: the drain is work of the call that woke the actor, which may
    // outlive the call that made it.
    return static_cast<const TaskRecord&>(waking).runtime->enqueue(drain_job_);
#endif
  }
  runtime_.enqueue(drain_job_);
}

void DefaultActor::absorb() noexcept {
  std::uintptr_t word = word_.exchange(held_bit, std::memory_order_acquire);
  Job* newest = reinterpret_cast<Job*>(word & ~held_bit);
  Job* oldest = nullptr;
  while (newest) {
    Job* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest) {
    Job* next = oldest->next;
    auto level = level_of(oldest->priority);
    queues_[level].push(*oldest);
    nonempty_ |= 1u << level;
    ++queued_;
    oldest = next;
  }
}

Job* DefaultActor::take() noexcept {
  if (word_.load(std::memory_order_relaxed) != held_bit) absorb();
  if (nonempty_ == 0) return nullptr;
  auto level = static_cast<unsigned>(std::bit_width(nonempty_) - 1);
  Job* job = queues_[level].pop();
  if (queues_[level].empty()) nonempty_ &= ~(1u << level);
  --queued_;
  return job;
}

void DefaultActor::release() noexcept {
  if (try_release()) return;
  if (queued_ == 0) absorb();
  auto level = static_cast<unsigned>(std::bit_width(nonempty_) - 1);
  Job* first = queues_[level].pop();
  queues_[level].push_front(*first);
  schedule_drain(*first);
}

void DefaultActor::drain(Turn& turn, unsigned& budget) noexcept {
  const ExecutorRef self = ref();
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
  nested_.runtime = outer && outer->runtime ? outer->runtime : &runtime_;
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
