// The schedulable unit: an intrusive link, a function to run, a priority. Tasks, actor drains, timers and component
// messages all embed a Job, so enqueueing allocates nothing and every queue of the runtime holds one kind of thing.
//
//     struct Message : crank::Job { ... };
//     message.run = [](crank::Job* job) noexcept { static_cast<Message*>(job)->deliver(); };
//     executor.enqueue(message);
//
// A job is in at most one queue at a time; whoever enqueues it keeps it alive until `run` is called, and `run` may free it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace crank {

/// How urgent. Natively it orders pools and actor queues; on a pump or manual executor it is recorded and inherited only.
enum class Priority : std::uint8_t { background, utility, medium, high };
#if defined(CRANK_BARE_BENCHMARK)
inline constexpr std::size_t priority_levels = 1;  // benchmark B14 alone
#else
inline constexpr std::size_t priority_levels = 4;
#endif
constexpr unsigned level_of(Priority priority) noexcept {
  return priority_levels == 1 ? 0 : static_cast<unsigned>(priority);
}

/// The priority of a job: a task's may be raised by who waits for it, while a queue reads it.
class JobPriority {
 public:
  constexpr JobPriority(Priority priority) noexcept : value_(priority) {}  // NOLINT: it is a Priority
  operator Priority() const noexcept { return value_.load(std::memory_order_relaxed); }
  JobPriority& operator=(Priority priority) noexcept {
    value_.store(priority, std::memory_order_relaxed);
    return *this;
  }
  /// Never lowers it; answers whether it was lower. From any thread: of raises that cross each other the highest stays.
  bool raise_to(Priority least) noexcept {
    Priority seen = value_.load(std::memory_order_relaxed);
#if defined(__wasm__)  // one thread
    if (seen >= least) return false;
    *this = least;
    return true;
#else
    // Sequentially consistent: who raises looks for links afterwards, and who links looks at this (escalation_wave.h).
    while (seen < least)
      if (value_.compare_exchange_weak(seen, least, std::memory_order_seq_cst, std::memory_order_relaxed)) return true;
    return false;
#endif
  }

 private:
  std::atomic<Priority> value_;
};

/// What a job is, for routing (R5): only tasks carry an executor preference. A drain brings an actor's whole queue along.
enum class JobKind : std::uint8_t { plain, task, drain };

namespace detail {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CRANK_JOBS_ARE_MARKED 1
#endif
#endif
// A job is larger under a sanitizer, so code that is built with one and a library that is not would quietly break each
// other. They do not link: every unit asks for the layout it was compiled with, by a name that says what to do.
#if defined(CRANK_JOBS_ARE_MARKED)
#define CRANK_JOB_LAYOUT this_code_is_built_with_a_sanitizer_so_crank_async_must_be_too
#else
#define CRANK_JOB_LAYOUT crank_async_is_built_with_a_sanitizer_so_this_code_must_be_too
#endif
#if !defined(__wasm__)  // a guest compiles everything
extern const char CRANK_JOB_LAYOUT;
[[gnu::used, gnu::retain]] static const char* const asked_job_layout = &CRANK_JOB_LAYOUT;
#endif

/// Under a sanitizer a job knows whether a queue of ours holds it, so that enqueueing it twice is named where it happens:
/// the queues are intrusive, and what a second enqueue breaks is seen much later, elsewhere.
class QueueMark {
 public:
#if defined(CRANK_JOBS_ARE_MARKED)
  void enqueued() noexcept {
    if (in_queue_.exchange(true, std::memory_order_relaxed)) enqueued_twice();
  }
  void taken() noexcept { in_queue_.store(false, std::memory_order_relaxed); }

 private:
  [[noreturn]] static void enqueued_twice() noexcept;
  std::atomic<bool> in_queue_{false};
#else
  constexpr void enqueued() noexcept {}
  constexpr void taken() noexcept {}
#endif
};
}  // namespace detail

struct Job {
  using Run = void (*)(Job*) noexcept;

  constexpr Job() = default;
  constexpr explicit Job(Run function, Priority urgency = Priority::medium, JobKind what = JobKind::plain) noexcept
      : run(function), priority(urgency), kind(what) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  Job* next = nullptr;  ///< owned by the queue that holds the job
  Run run = nullptr;    ///< called once for each enqueue, on the executor it was enqueued on
  JobPriority priority = Priority::medium;
  JobKind kind = JobKind::plain;
  [[no_unique_address]] detail::QueueMark mark;
};

/// First in, first out, single threaded: the list every queue hands around.
class JobList {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  void push(Job& job) noexcept {
    job.next = nullptr;
    if (tail_)
      tail_->next = &job;
    else
      head_ = &job;
    tail_ = &job;
  }
  void push_front(Job& job) noexcept {
    job.next = head_;
    head_ = &job;
    if (!tail_) tail_ = &job;
  }
  /// Puts all of another list behind this one's; the other is then empty.
  void append(JobList& more) noexcept {
    if (more.empty()) return;
    (tail_ ? tail_->next : head_) = more.head_;
    tail_ = more.tail_;
    more = {};
  }
  Job* first() noexcept { return head_; }
  Job* pop() noexcept {
    Job* job = head_;
    if (job) {
      head_ = job->next;
      if (!head_) tail_ = nullptr;
      job->next = nullptr;
    }
    return job;
  }

 private:
  Job* head_ = nullptr;
  Job* tail_ = nullptr;
};

}  // namespace crank
