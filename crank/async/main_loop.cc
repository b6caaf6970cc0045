#include "crank/async/main_loop.h"

#include "crank/async/turn.h"

namespace crank {

void MainLoop::enqueue(Job& job) noexcept {
  std::lock_guard guard(mutex_);
  jobs_.push(job);
  // Inside the lock: the loop may end with the thread that waits for its last job.
  changed_.notify_all();
}

void MainLoop::run(Runtime& runtime) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !serving_; });
  serving_ = std::this_thread::get_id();
  while (!stopping_) {
    if (Job* job = jobs_.pop()) {
      lock.unlock();
      run_job(*job, runtime.main(), runtime);
      lock.lock();
    } else {
      changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    }
  }
  stopping_ = false;
  serving_.reset();
  changed_.notify_all();
}

std::size_t MainLoop::run_ready(Runtime& runtime) {
  std::size_t count = 0;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !serving_; });
  serving_ = std::this_thread::get_id();
  while (Job* job = jobs_.pop()) {
    lock.unlock();
    run_job(*job, runtime.main(), runtime);
    ++count;
    lock.lock();
  }
  serving_.reset();
  changed_.notify_all();
  return count;
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
