#include "crank/async/pool_worker.h"

#include <algorithm>
#include <bit>

#include "crank/async/lock.h"
#include "crank/async/task_record.h"
#include "crank/async/turn.h"

namespace crank {

PoolWorker::PoolWorker(Pool::State& pool, unsigned index) noexcept
    : WorkerQueues(pool.runtime, pool.idle), pool_(pool), index_(index) {}

void PoolWorker::push(Job& job) {
  push(job, job.kind == JobKind::task ? static_cast<TaskRecord&>(job).resume_point.address() : nullptr);
}

CRANK_COLD void detail::WorkerQueues::pushed_beside_sleepers(std::int64_t depth) noexcept {
  auto& self = static_cast<PoolWorker&>(*this);
  // Deep enough for a thief to pay for its waking, or this worker has been busy for a while and nobody looks in.
  bool unguarded = self.since_wake_ >= 16 && self.pool_.guard.load(std::memory_order_relaxed) < 0;
  if ((depth >= 2 || unguarded) && self.pool_.searching.load(std::memory_order_relaxed) == 0) self.pool_.wake_one();
}

Job* PoolWorker::pop_own() noexcept {
  while (nonempty_) {
    auto level = static_cast<unsigned>(std::bit_width(nonempty_) - 1);
    if (Job* job = deques_[level].pop()) return job;
    nonempty_ &= ~(1u << level);
  }
  return nullptr;
}

Job* PoolWorker::take_posted() {
  if (posted_jobs_.empty()) {
    // Reversed while moving: newest first becomes oldest first.
    for (Job* job = posted_.take_newest_first(); job;) {
      Job* next = job->next;
      posted_jobs_.push_front(*job);
      job = next;
    }
  }
  return posted_jobs_.pop();
}

Job* PoolWorker::take_inbox() {
  Job* job = pool_.inbox.take_newest_first();
  if (!job) return nullptr;
  // Newest first onto a deque that is popped from the end: the oldest runs first, thieves start with the newest.
  while (job) {
    Job* next = job->next;
    push(*job);
    job = next;
  }
  return pop_own();
}

Job* PoolWorker::steal_from_others() {
  auto count = static_cast<unsigned>(pool_.workers.size());
  for (unsigned i = 0; i < count; ++i) {
    unsigned victim = victim_ + i;
    if (victim >= count) victim -= count;
    if (victim == index_) continue;
    PoolWorker& other = *pool_.workers[victim];
    for (unsigned level = priority_levels; level-- > 0;) {
      if (Job* job = other.deques_[level].steal()) {
        victim_ = victim;
        stolen_at_ = std::chrono::steady_clock::now();
        return job;
      }
    }
  }
  return nullptr;
}

// A steal costs the thief and its victim a microsecond or two each. Where the last ones kept this worker busy for less, as
// with tasks that call one actor or share a channel, the victim does better alone, and the next steal is put off.
std::chrono::nanoseconds PoolWorker::put_off_stealing() noexcept {
  using namespace std::chrono_literals;
  if (stolen_at_ == std::chrono::steady_clock::time_point{}) return 0ns;
  const auto now = std::chrono::steady_clock::now();
  const bool paid = now - stolen_at_ > 2us;
  stolen_at_ = {};
  put_off_ = paid ? put_off_ / 2 : std::min<std::chrono::nanoseconds>(put_off_ * 2 + 1us, 100us);
  if (paid || put_off_ > 10us) return paid ? 0ns : put_off_;
  // Too short to sleep.
  pool_.searching.fetch_add(1, std::memory_order_relaxed);
  while (posted_.empty() && pool_.inbox.empty() && !pool_.stopping.load(std::memory_order_relaxed) &&
         std::chrono::steady_clock::now() - now < put_off_)
    for (int i = 0; i < 8; ++i) detail::spin_pause();
  pool_.searching.fetch_sub(1, std::memory_order_relaxed);
  return 0ns;
}

Job* PoolWorker::timer_if_due() noexcept {
  auto due = pool_.deadline.load(std::memory_order_acquire);
  if (due == Instant::max().time_since_epoch().count()) return nullptr;
  if (pool_.runtime.now().time_since_epoch().count() < due) return nullptr;
  if (!pool_.deadline.compare_exchange_strong(due, Instant::max().time_since_epoch().count(),
                                              std::memory_order_acq_rel))
    return nullptr;
  return pool_.timer_job.load(std::memory_order_acquire);
}

Job* PoolWorker::search(bool steals) {
  if (Job* job = take_posted()) return job;
  if (Job* job = pop_own()) return job;
  if (Job* job = take_inbox()) return job;
  if (Job* job = timer_if_due()) return job;
  return steals ? steal_from_others() : nullptr;
}

Job* PoolWorker::next() {
  if (++tick_ >= fairness_interval) [[unlikely]] {
    tick_ = 0;
    sort_again();
    // Fairness: the oldest of everything gets its turn.
    in_loop_ = true;
    parker_->poll();
    in_loop_ = false;
    if (Job* job = timer_if_due()) return job;
    if (Job* job = take_posted()) return job;
    if (Job* job = take_inbox()) return job;
    for (unsigned level = priority_levels; level-- > 0;)
      if (Job* job = deques_[level].pop_oldest()) return job;
  }
  if (Job* job = posted_jobs_.pop()) return job;
  if (!posted_.empty()) {
    if (Job* job = take_posted()) return job;
  }
  return pop_own();
}

Job* PoolWorker::wait_for_work() {
  const std::uint64_t mine = std::uint64_t{1} << index_;
  auto rest = put_off_stealing();
  for (bool first = true;; first = false) {
    // What was enqueued before the pool ends still runs: it may be what frees things.
    if (pool_.stopping.load(std::memory_order_acquire)) return search();
    pool_.searching.fetch_add(1, std::memory_order_relaxed);
    const bool steals = rest.count() == 0;
    Job* job = search(steals);
    if (!job && first && steals) job = steal_from_others();
    // Who only rests will look soon: until then nobody is woken for a deep queue.
    if (steals) pool_.searching.fetch_sub(1, std::memory_order_relaxed);
    if (!job) {
      std::uint64_t idle = pool_.idle.fetch_or(mine, std::memory_order_seq_cst) | mine;
      job = search(steals);
      if (!job) {
        int nobody = -1;
        bool guards = pool_.guard.compare_exchange_strong(nobody, static_cast<int>(index_), std::memory_order_relaxed);
        std::optional<Parker::TimePoint> until;
        auto due = pool_.deadline.load(std::memory_order_seq_cst);
        bool keeps = guards || due < pool_.guarded_until.load(std::memory_order_seq_cst);
        if (keeps && due != Instant::max().time_since_epoch().count()) until = Instant(Duration(due));
        if (guards) {
          pool_.guarded_until.store(due, std::memory_order_seq_cst);
          if (idle != pool_.everyone) {
            auto look = std::chrono::steady_clock::now() + std::chrono::microseconds(backoff_us_);
            backoff_us_ = backoff_us_ < 1000 ? backoff_us_ * 2 : 1000;
            if (!until || look < *until) until = look;
          }
        }
        if (!steals) {
          auto look = std::chrono::steady_clock::now() + rest;
          if (!until || look < *until) until = look;
        }
        in_loop_ = true;
        if (!pool_.stopping.load(std::memory_order_seq_cst)) parker_->park(until);
        in_loop_ = false;
        if (guards) {
          pool_.guarded_until.store(Instant::max().time_since_epoch().count(), std::memory_order_seq_cst);
          pool_.guard.store(-1, std::memory_order_seq_cst);
        }
      }
      pool_.idle.fetch_and(~mine, std::memory_order_seq_cst);
    }
    if (!steals) pool_.searching.fetch_sub(1, std::memory_order_relaxed);
    rest = {};
    if (!job) continue;
    backoff_us_ = 50;
    since_wake_ = 0;
    if (pool_.monitor_asleep.load(std::memory_order_relaxed)) [[unlikely]]
      pool_.wake_monitor();
    // There is more where this came from: pass the word on.
    if (pool_.idle.load(std::memory_order_relaxed) != 0 &&
        pool_.workers[victim_]->deques_[level_of(Priority::medium)].size() >= 2) {
      pool_.wake_one();
    }
    return job;
  }
}

// Two that compute are to do so at once: what any worker may run is left to one that sleeps, and only what waits for this
// very worker runs here.
Job* PoolWorker::next_to_lend() {
  if (pool_.idle.load(std::memory_order_relaxed) == 0) {
    look_around();
    return next();
  }
  if (pool_.anything_queued()) pool_.wake_one();
  in_loop_ = true;
  parker_->poll();
  in_loop_ = false;
  return take_posted();
}

// The job below stays where it is: what runs here runs to the end of its own turns, so stacks nest in order.
void PoolWorker::lend(Duration at_most) noexcept {
  if (in_loop_ || lent_ == most_lent) return;
  ++lent_;
  const ExecutionContext below = exchange_execution_context({});
  {
    detail::TurnScope scope(ExecutorRef::generic(), &pool_.runtime);
    const auto until = std::chrono::steady_clock::now() + at_most;
    do {
      Job* job = next_to_lend();
      if (job) {
        detail::run_in_turn(scope.turn(), *job);
        jobs_run_.store(jobs_run_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      }
      if (!parker_->run_held_up() && !job) break;
    } while (std::chrono::steady_clock::now() < until && !pool_.stopping.load(std::memory_order_relaxed));
  }
  exchange_execution_context(below);
  --lent_;
}

void detail::lend_thread(std::chrono::steady_clock::duration at_most) noexcept {
  if (PoolWorker* worker = thread_state().worker) worker->lend(at_most);
}

void detail::look_around() noexcept {
  if (PoolWorker* worker = thread_state().worker) worker->look_around();
}

bool detail::post_behind(TaskRecord& task) noexcept {
  PoolWorker* worker = thread_state().worker;
  if (!worker || !(task.preference ? task.preference == worker->pool().pool : worker->serves(*task.runtime)))
    return false;
  if (task.preference) task.run = run_preferring;
  trace(TraceEvent::resumed, &task, {}, task.executor);
  task.mark.enqueued();
  worker->pool().inbox.push(task);
  return true;
}

void PoolWorker::run() {
  detail::thread_state().worker = this;
  detail::thread_state().queues = this;
  parker_ = pool_.options.parker ? pool_.options.parker(index_) : nullptr;
  if (!parker_) parker_ = std::make_unique<FutexParker>();
  ready_.store(true, std::memory_order_release);
  ready_.notify_one();
  detail::TurnScope scope(ExecutorRef::generic(), &pool_.runtime);
  Turn& turn = scope.turn();
  while (true) {
    Job* job = next();
    if (!job) job = wait_for_work();
    if (!job) break;
    if (pool_.stopping.load(std::memory_order_relaxed) && ++jobs_while_stopping_ > most_jobs_while_stopping) break;
    ++since_wake_;
    detail::run_in_turn(turn, *job);
    jobs_run_.store(jobs_run_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  detail::thread_state().queues = nullptr;
  detail::thread_state().worker = nullptr;
}

}  // namespace crank
