// The executor of a guest: enqueueing captures, first in first out; only `run` runs (P1). It has no thread and never blocks,
// and is installed into a Runtime through the three hooks and nothing else.
//
//     global hook --\
//     main hook ----+--> [ job, job, job ] --run(budget)--> each job on the executor it was enqueued for
//     delayed hook --> one slot: the runtime's timer job and its instant --expire()--> joins the FIFO
//
// The reactor front (pump.h) has one for the whole module; the front of the component ABI has one for each export task.
// Single threaded, allocates nothing. Natively the same code is the executor of a module compiled into its host.
#pragma once

#include <cstdint>

#include "crank/async/runtime.h"

namespace crank::guest {

/// First in, first out; each job remembers which hook brought it. A job's link holds the next job and, in its lowest bit,
/// the job's own mark, so that marking costs no memory.
class MarkedFifo {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  std::uint32_t size() const noexcept { return size_; }

  void push(Job& job, bool mark) noexcept {
    job.next = reinterpret_cast<Job*>(std::uintptr_t{mark});
    if (tail_) {
      tail_->next = reinterpret_cast<Job*>(reinterpret_cast<std::uintptr_t>(&job) |
                                           (reinterpret_cast<std::uintptr_t>(tail_->next) & mark_bit));
    } else {
      head_ = &job;
    }
    tail_ = &job;
    ++size_;
  }
  /// Not on an empty queue. `mark` receives the popped job's mark.
  Job& pop(bool& mark) noexcept {
    Job& job = *head_;
    auto link = reinterpret_cast<std::uintptr_t>(job.next);
    mark = (link & mark_bit) != 0;
    head_ = reinterpret_cast<Job*>(link & ~mark_bit);
    if (!head_) tail_ = nullptr;
    job.next = nullptr;
    --size_;
    return job;
  }

 private:
  static constexpr std::uintptr_t mark_bit = 1;
  static_assert(alignof(Job) > mark_bit);
  Job* head_ = nullptr;
  Job* tail_ = nullptr;
  std::uint32_t size_ = 0;
};

class Capture {
 public:
  constexpr Capture() noexcept = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// What a Runtime is made with. The capture outlives the runtime's work.
  Hooks hooks() noexcept;

  /// Runs at most `budget` jobs, also those that arrive meanwhile, and says how many. From the top of the stack only.
  std::uint32_t run(Runtime& runtime, std::uint32_t budget) noexcept;
  /// A job is being run now.
  bool running() const noexcept { return running_; }

  bool empty() const noexcept { return jobs_.empty(); }
  std::uint32_t ready() const noexcept { return jobs_.size(); }

  /// When the delayed job is due; Instant::max() when none is armed.
  Instant deadline() const noexcept { return delayed_ ? when_ : Instant::max(); }
  /// The delayed job's time has come: it joins the FIFO. Harmless when none is armed.
  void expire() noexcept;

 private:
  MarkedFifo jobs_;
  Job* delayed_ = nullptr;  // armed
  Job* expired_ = nullptr;  // the same job while it stands in the FIFO: arming it then changes nothing, it runs sooner
  Instant when_{};
  bool running_ = false;
};

}  // namespace crank::guest
