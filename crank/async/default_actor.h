// The serial executor of an actor, and of an instance: one atomic word and a queue, without a thread of its own.
//
// Word:  0             idle
//        level | 1     held, nothing arrived since
//        job | ...     and a stack of arrived jobs (newest first)
//
// Level: the priority of the drain while it waits in a queue, else the highest.
//
// Rules
//  1  Only a change from 0 takes the executor: `try_enter`, a task's hand-off, or the first `enqueue`, which passes what it
//     took to a drain job. Hence at most one drain is under way and an enqueue wakes at most once.
//  2  The holder alone moves arrived jobs to the queues by priority, first in first out within one, and runs them.
//  3  The holder gives up by a change to 0, which fails when a job arrived meanwhile, or by passing the hold to the drain job.
//  4  Being held is a fact of the word, not of a thread: a turn may be parked on one thread and continued on another.
//  5  After giving up, the former holder does not touch the actor again (another may destroy it).
//  6  A drain that waits in a queue brings the hold along: whoever has taken it out of that queue, and has not run it, is the
//     holder, and may sort the actor's queues again (`refresh_drain`) and put the drain back at its raised place (R10).
//  7  Who enqueues a job above the level raises the drain, and then the level by the change that brings the job in: before the
//     job is in, since afterwards the actor may be gone. The change fails when a drain has begun or was scheduled meanwhile
//     (one that did both and left the very same word keeps its own priority).
//     The drain's priority is only ever raised, but by the holder, in `drain`, when the drain is in no queue.
#pragma once

#include <atomic>
#include <cstdint>

#include "crank/async/escalation.h"
#include "crank/async/executor.h"
#include "crank/async/turn.h"

namespace crank {

class DefaultActor {
 public:
  /// Drains are enqueued on `runtime`, or on the executor preferred by the task that woke the actor.
  explicit DefaultActor(Runtime& runtime) noexcept;
  /// Without a home (global_actor.h): drains run on the runtime of whoever wakes it.
  DefaultActor() noexcept;
  DefaultActor(const DefaultActor&) = delete;
  DefaultActor& operator=(const DefaultActor&) = delete;
  /// Idle, or held by the caller with nothing queued.
  ~DefaultActor();

  ExecutorRef ref() noexcept { return ExecutorRef::for_default_actor(*this); }
  /// Its home; only of an actor that has one.
  Runtime& runtime() noexcept { return *home_; }

  /// Queues the job and, when the actor was idle, schedules one drain. From any thread, lock-free, runs nothing.
  void enqueue(Job& job) noexcept;

  // Nested inline use by a thread: the component layer's calls between instances.

  /// Takes the executor if it is idle, and makes it the thread's current one. Never waits.
  [[nodiscard]] bool try_enter() noexcept;
  /// Ends what `try_enter` or `continue_turn` began on this thread: the executor current before is current again. When
  /// jobs arrived meanwhile a drain is scheduled and keeps their order.
  void leave() noexcept;
  /// The turn stops on this thread (its fiber was switched away) but the executor stays held, by nobody's thread.
  void park_turn() noexcept;
  /// The parked turn goes on here, on whichever thread; end it with `leave`.
  void continue_turn() noexcept;

  /// Held now, by anyone. For reports and checks; stale as soon as it is read.
  bool held() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }
  /// Jobs wait and the holder should not stay for long. Only the holder may ask.
  bool has_waiting() const noexcept { return queued_ != 0 || word_.load(std::memory_order_relaxed) != running; }
  /// Whether the code that asks runs on this executor.
  bool is_current() noexcept { return current_executor() == ref(); }

  /// How many jobs one drain runs before it lets others have the thread.
  static constexpr unsigned drain_batch = 128;

  // For the switching code (task_switch.cc, turn.cc): holds without a turn of their own.

  bool try_hold() noexcept {
    std::uintptr_t idle = 0;
    return word_.compare_exchange_strong(idle, running, std::memory_order_acquire, std::memory_order_relaxed);
  }
  /// Gives up the hold, or passes it to a drain when jobs wait.
  void release() noexcept;
  /// Gives up the hold only if nothing waits.
  bool try_release() noexcept {
    std::uintptr_t held = running;
    return queued_ == 0 && word_.compare_exchange_strong(held, 0, std::memory_order_release, std::memory_order_relaxed);
  }
  /// Runs jobs in `turn`, whose executor is this actor and held, until none waits, `budget` is used up, or a job took the
  /// turn to another executor. On return the turn is generic, or on that other executor.
  void drain(Turn& turn, unsigned& budget) noexcept;
  /// Rule 6: the drain's priority becomes that of the most urgent job that waits.
  static void refresh_drain(Job& drain) noexcept;

 private:
  DefaultActor(Runtime* home, bool flat) noexcept;
#if defined(__wasm__)
  static constexpr std::uintptr_t levels = 0;  // priorities do not reorder in a guest
#else
  static constexpr std::uintptr_t levels = 0b110;
#endif
  static constexpr std::uintptr_t held_bit = 1, running = levels | held_bit;
  static_assert(alignof(Job) > running);
  std::uintptr_t level_bits(unsigned level) const noexcept { return flat() ? levels : (level << 1 & levels); }
  static Job* arrived(std::uintptr_t word) noexcept { return reinterpret_cast<Job*>(word & ~running); }
  struct DrainJob : Job {
    DefaultActor* actor;
  };
  static void arrive(Job* job) noexcept;
  static void arrive_preferring(Job* job) noexcept;
  Job* take() noexcept;
  void absorb() noexcept;
  void schedule_drain(const Job& waking) noexcept;
  void sort_again() noexcept;
  unsigned publish_level() noexcept;

  std::atomic<std::uintptr_t> word_{0};
  Runtime* const home_;
  [[maybe_unused]] const bool flat_;
  // Priorities do not reorder here: never in a guest, where what would sort is left out.
#if defined(__wasm__)
  static constexpr bool flat() noexcept { return true; }
#else
  bool flat() const noexcept { return flat_; }
#endif
  std::uint32_t queued_ = 0;    // jobs in queues_
  std::uint32_t nonempty_ = 0;  // a bit for each priority with jobs
  detail::EscalationWatch watch_;
  JobList queues_[priority_levels];
  DrainJob drain_job_;
  Turn nested_;
};

}  // namespace crank
