// Running a task from code that is not one: main programs and tests. Blocks the calling thread, so never call it in a task.
//
//     int main() {
//       crank::Pool pool;
//       return crank::sync_wait(pool, program());
//     }
#pragma once

#include <condition_variable>
#include <mutex>

#include "crank/async/main_loop.h"
#include "crank/async/misuse.h"
#include "crank/async/pool.h"
#include "crank/async/spawn.h"

namespace crank {
namespace detail {

struct ThreadWaiter : JoinWaiter {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;

  ThreadWaiter() {
    notify = [](JoinWaiter& waiter) noexcept {
      auto& self = static_cast<ThreadWaiter&>(waiter);
      std::lock_guard lock(self.mutex);
      self.done = true;
      self.changed.notify_all();
    };
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }
};

struct MainLoopWaiter : JoinWaiter {
  explicit MainLoopWaiter(MainLoop& main_loop) : loop(main_loop) {
    notify = [](JoinWaiter& waiter) noexcept {
      auto& self = static_cast<MainLoopWaiter&>(waiter);
      self.loop.finish(self.done);
    };
  }
  MainLoop& loop;
  bool done = false;  // the loop's to read and write
};

inline void refuse_sync_wait_in_tasks() noexcept {
  if (thread_state().task) misuse("sync_wait inside a task would block its thread: co_await it");
}

}  // namespace detail

/// Runs `body` as a task of `runtime` and returns its result, or throws what it threw. The thread sleeps meanwhile.
template <class T, Exceptions policy = default_exceptions>
T sync_wait(Runtime& runtime, Task<T> body, SpawnOptions options = {}) {
  detail::refuse_sync_wait_in_tasks();
  options.runtime = &runtime;
  TaskHandle<T> handle = spawn(std::move(body), options);
  detail::ThreadWaiter waiter;
  if (handle.base().add_waiter(waiter)) waiter.wait();
  return handle.result_now().template take<policy>();
}

/// The same on a pool, from any number of threads at once. Meanwhile this thread serves the pool's main executor whenever no
/// other one does; a `stop` of the main loop is not for it.
template <class T, Exceptions policy = default_exceptions>
T sync_wait(Pool& pool, Task<T> body, SpawnOptions options = {}) {
  detail::refuse_sync_wait_in_tasks();
  options.runtime = &pool.runtime();
  TaskHandle<T> handle = spawn(std::move(body), options);
  detail::MainLoopWaiter waiter(pool.main_loop());
  if (handle.base().add_waiter(waiter)) pool.main_loop().run_until(pool.runtime(), waiter.done);
  return handle.result_now().template take<policy>();
}

}  // namespace crank
