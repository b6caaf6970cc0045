#include "crank/async/pool.h"

#include <pthread.h>
#include <bit>
#include <cstdio>

#include "crank/async/pool_worker.h"

namespace crank {
Pool::State::State(PoolOptions chosen)
    : options(std::move(chosen)),
      runtime(
          {.context = this,
           .enqueue_global = [](void* context, Job& job) noexcept { static_cast<State*>(context)->pool->enqueue(job); },
           .enqueue_delayed = [](void* context, Job& job,
                                 Instant when) noexcept { static_cast<State*>(context)->set_deadline(job, when); },
           .enqueue_main = [](void* context,
                              Job& job) noexcept { static_cast<State*>(context)->main_loop.enqueue(job); }}) {}

void Pool::State::wake(unsigned worker) noexcept {
  idle.fetch_and(~(std::uint64_t{1} << worker), std::memory_order_seq_cst);
  workers[worker]->parker_->unpark();
}

bool Pool::State::wake_one() noexcept {
  std::uint64_t sleeping = idle.load(std::memory_order_seq_cst);
  while (sleeping) {
    auto worker = static_cast<unsigned>(std::countr_zero(sleeping));
    std::uint64_t bit = std::uint64_t{1} << worker;
    std::uint64_t before = idle.fetch_and(~bit, std::memory_order_seq_cst);
    if (before & bit) {
      workers[worker]->parker_->unpark();
      return true;
    }
    sleeping = before & ~bit;
  }
  return false;
}

void Pool::State::post_outside(Job& job) noexcept {
  inbox.push(job);
  wake_one();
}

bool Pool::State::anything_queued() const noexcept {
  if (!inbox.empty()) return true;
  for (auto& worker : workers)
    for (auto& deque : worker->deques_)
      if (deque.size() > 0) return true;
  return false;
}

void Pool::State::set_deadline(Job& job, Instant when) noexcept {
  timer_job.store(&job, std::memory_order_release);
  deadline.store(when.time_since_epoch().count(), std::memory_order_seq_cst);
  // A worker that arms sees to it when it looks for its next job; others must wake whoever sleeps past the instant.
  PoolWorker* here = detail::thread_state().worker;
  if (here && &here->pool() == this) return;
  int guarding = guard.load(std::memory_order_seq_cst);
  if (guarding >= 0)
    wake(static_cast<unsigned>(guarding));
  else
    wake_one();
}

void Pool::State::wake_monitor() noexcept {
  std::lock_guard lock(monitor_mutex);
  monitor_asleep.store(false, std::memory_order_relaxed);
  monitor_changed.notify_one();
}

void Pool::State::monitor() {
  struct Seen {
    std::uint32_t jobs = 0;
    std::chrono::steady_clock::time_point since;
    bool reported = false;
  };
  constexpr auto period = std::chrono::milliseconds(5);
  constexpr int quiet_limit = 100;
  std::vector<Seen> seen(workers.size(), Seen{0, std::chrono::steady_clock::now(), false});
  int quiet = 0;
  std::unique_lock lock(monitor_mutex);
  while (!stopping.load(std::memory_order_relaxed)) {
    if (quiet > quiet_limit) {
      monitor_asleep.store(true, std::memory_order_seq_cst);
      // A worker that became busy before it could see the flag is noticed here.
      if (idle.load(std::memory_order_seq_cst) == everyone) {
        monitor_changed.wait(lock, [&] { return !monitor_asleep || stopping; });
      }
      monitor_asleep.store(false, std::memory_order_relaxed);
      quiet = 0;
    }
    monitor_changed.wait_for(lock, period);
    if (stopping.load(std::memory_order_relaxed)) break;
    auto now = std::chrono::steady_clock::now();
    std::uint64_t sleeping = idle.load(std::memory_order_relaxed);
    quiet = sleeping == everyone ? quiet + 1 : 0;
    bool stalled = false;
    for (unsigned i = 0; i < workers.size(); ++i) {
      std::uint32_t jobs = workers[i]->jobs_run_.load(std::memory_order_relaxed);
      bool busy = !(sleeping >> i & 1);
      if (!busy || jobs != seen[i].jobs) {
        seen[i] = {jobs, now, false};
        continue;
      }
      stalled = true;
      Duration so_far = now - seen[i].since;
      if (so_far < options.blocked_after || seen[i].reported) continue;
      seen[i].reported = true;
      lock.unlock();
      if (options.on_blocked)
        options.on_blocked(i, so_far);
      else
        std::fprintf(stderr, "crank: worker %u has been running one job for %lld ms: blocking calls starve the pool\n",
                     i, static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(so_far).count()));
      lock.lock();
    }
    bool overdue = deadline.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
    if (sleeping && (overdue || (stalled && anything_queued()))) wake_one();
  }
}

Pool::Pool(PoolOptions options) : state_(std::make_unique<State>(std::move(options))) {
  detail::prepare_asymmetric_fences();
  State& state = *state_;
  state.pool = this;
  state.runtime.set_pool(*this);
  unsigned count = state.options.threads ? state.options.threads : std::thread::hardware_concurrency();
  if (count == 0) count = 1;
  if (count > 64) count = 64;
  state.everyone = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  for (unsigned i = 0; i < count; ++i) state.workers.push_back(std::make_unique<PoolWorker>(state, i));
  for (auto& worker : state.workers) {
    worker->thread_ = std::thread([&worker] { worker->run(); });
    char name[16];
    std::snprintf(name, sizeof name, "crank-%u", worker->index());
    pthread_setname_np(worker->thread_.native_handle(), name);
  }
  for (auto& worker : state.workers) worker->ready_.wait(false, std::memory_order_acquire);
  state.monitor_thread = std::thread([&state] { state.monitor(); });
}

Pool::~Pool() {
  State& state = *state_;
  state.stopping.store(true, std::memory_order_seq_cst);
  {
    std::lock_guard lock(state.monitor_mutex);
    state.monitor_changed.notify_all();
  }
  state.monitor_thread.join();
  for (auto& worker : state.workers) worker->parker_->unpark();
  for (auto& worker : state.workers) worker->thread_.join();
}

Runtime& Pool::runtime() noexcept { return state_->runtime; }
MainLoop& Pool::main_loop() noexcept { return state_->main_loop; }
unsigned Pool::size() const noexcept { return static_cast<unsigned>(state_->workers.size()); }
Parker& Pool::parker(unsigned worker) noexcept { return *state_->workers[worker]->parker_; }

void Pool::enqueue(Job& job) {
  job.mark.enqueued();
  PoolWorker* here = detail::thread_state().worker;
  if (here && &here->pool() == state_.get())
    here->push(job);
  else
    state_->post_outside(job);
}

void Pool::post_to(unsigned worker, Job& job) noexcept {
  job.mark.enqueued();
  PoolWorker& target = *state_->workers[worker];
  target.posted_.push(job);
  if (state_->idle.load(std::memory_order_seq_cst) >> worker & 1) state_->wake(worker);
}

int Pool::worker_index() const noexcept {
  PoolWorker* here = detail::thread_state().worker;
  return here && &here->pool() == state_.get() ? static_cast<int>(here->index()) : -1;
}

}  // namespace crank
