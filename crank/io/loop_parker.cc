#include "crank/io/loop_parker.h"

#include <future>
#include <utility>

#include "crank/async/turn.h"
#include "crank/base/check.h"

namespace crank::io {

std::function<std::unique_ptr<Parker>(unsigned)> loop_parkers() {
  return [](unsigned) { return std::make_unique<LoopParker>(); };
}

EventLoop& loop_of(Pool& pool, unsigned worker) noexcept {
  return static_cast<LoopParker&>(pool.parker(worker)).loop();
}

void run_on(WorkerExecutor& executor, Callback job) {
  std::promise<void> promise;
  auto done = promise.get_future();
  executor.loop().post([job = std::move(job), promise = std::move(promise)]() mutable {
    job();
    job = nullptr;
    promise.set_value();
  });
  done.wait();
}

bool LoopParker::run_held_up() {
  std::vector<WorkerExecutor*> all;
  {
    std::lock_guard guard(executors_->lock);
    all = executors_->all;
  }
  bool ran = false;
  for (WorkerExecutor* executor : all) ran = executor->run_some() || ran;
  return ran;
}

WorkerExecutor::WorkerExecutor(Pool& pool, unsigned worker)
    : pool_(pool),
      worker_(worker),
      loop_(loop_of(pool, worker)),
      executors_(static_cast<LoopParker&>(pool.parker(worker)).executors_) {
  {
    std::lock_guard guard(executors_->lock);
    executors_->all.push_back(this);
  }
  drain_.run = [](Job* job) noexcept { static_cast<Drain*>(job)->executor->drain(); };
  drain_.executor = this;
}

WorkerExecutor::~WorkerExecutor() {
  std::lock_guard guard(executors_->lock);
  std::erase(executors_->all, this);
}

void WorkerExecutor::enqueue(Job& job) {
  if (pool_.worker_index() == static_cast<int>(worker_)) {
    local_.push(job);
    if (!std::exchange(scheduled_, true)) pool_.post_to(worker_, drain_);
    return;
  }
  // From another thread. A job of its own carries the message, so that drain_ is only ever posted by its worker.
  Job* newest = remote_.load(std::memory_order_relaxed);
  do {
    job.next = newest;
  } while (!remote_.compare_exchange_weak(newest, &job, std::memory_order_release, std::memory_order_relaxed));
  if (newest) return;  // whoever pushed onto nothing has told the loop
  loop_.post([this] {
    Job* taken = remote_.exchange(nullptr, std::memory_order_acquire);
    Job* oldest_first = nullptr;
    while (taken) {
      Job* next = taken->next;
      taken->next = oldest_first;
      oldest_first = taken;
      taken = next;
    }
    while (oldest_first) {
      Job* next = oldest_first->next;
      local_.push(*oldest_first);
      oldest_first = next;
    }
    if (!std::exchange(scheduled_, true)) pool_.post_to(worker_, drain_);
  });
}

bool WorkerExecutor::run_some() noexcept {
  bool ran = false;
  for (int budget = 16; budget > 0; --budget) {
    Job* job = local_.pop();
    if (!job) break;
    run_job(*job, ref(), pool_.runtime());
    ran = true;
  }
  return ran;
}

void WorkerExecutor::drain() noexcept {
  // A bounded batch: sockets and other jobs of this worker get their turn.
  for (int budget = 64; budget > 0; --budget) {
    Job* job = local_.pop();
    if (!job) {
      scheduled_ = false;
      return;
    }
    run_job(*job, ref(), pool_.runtime());
  }
  pool_.post_to(worker_, drain_);
}

}  // namespace crank::io
