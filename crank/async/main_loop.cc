#include "crank/async/main_loop.h"

#include "crank/async/turn.h"

namespace crank {

void MainLoop::enqueue(Job& job) noexcept {
  std::lock_guard guard(mutex_);
  jobs_.push(job);
  // Inside the lock: the loop may end with the thread that waits for its last job.
  changed_.notify_all();
}

template <class Over>
std::size_t MainLoop::serve(std::unique_lock<std::mutex>& lock, Runtime& runtime, bool until_stop, Over over) {
  std::size_t jobs = 0;
  serving_ = std::this_thread::get_id();
  until_stop_ = until_stop;
  while (!over()) {
    if (Job* job = jobs_.pop()) {
      lock.unlock();
      run_job(*job, runtime.main(), runtime);
      ++jobs;
      lock.lock();
    } else {
      changed_.wait(lock, [&] { return over() || !jobs_.empty(); });
    }
  }
  until_stop_ = false;
  serving_.reset();
  changed_.notify_all();
  return jobs;
}

void MainLoop::run(Runtime& runtime) {
  std::unique_lock lock(mutex_);
  // A stop is for the `run` that serves; behind a thread that waits for something else it is for this one.
  changed_.wait(lock, [&] { return !serving_ || (stopping_ && !until_stop_); });
  if (!serving_) serve(lock, runtime, true, [&] { return stopping_; });
  stopping_ = false;
}

void MainLoop::run_until(Runtime& runtime, const bool& done) {
  std::unique_lock lock(mutex_);
  while (!done) {
    changed_.wait(lock, [&] { return done || !serving_; });
    if (!done) serve(lock, runtime, false, [&] { return done; });
  }
}

void MainLoop::finish(bool& done) noexcept {
  std::lock_guard guard(mutex_);
  done = true;
  changed_.notify_all();
}

std::size_t MainLoop::run_ready(Runtime& runtime) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !serving_; });
  return serve(lock, runtime, false, [&] { return jobs_.empty(); });
}

void MainLoop::stop() noexcept {
  std::lock_guard guard(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

std::optional<std::thread::id> MainLoop::serving() const {
  std::lock_guard guard(mutex_);
  return serving_;
}

}  // namespace crank
