// async_let: one child task, started at once, its result awaited later in the same scope.
//
//     auto ads = crank::async_let(load_ads());
//     Page page = co_await load_page();
//     page.add(co_await ads);
//
// The child lives in the parent's frame. It inherits isolation, priority, task-locals and executor preference, and is
// cancelled with the parent. C++ destroys locals before a coroutine's end can await, so a handle must be awaited on every
// path (R8): one destroyed unawaited is a bug, reported with the place that made it. For anything conditional use a group.
#pragma once

#include <atomic>
#include <source_location>

#include "crank/async/cancellation_wave.h"
#include "crank/async/child_options.h"
#include "crank/async/child_task.h"

namespace crank {

template <class T = void>
class [[nodiscard("an async_let is awaited in the scope that makes it")]] AsyncLet : SpreadLink {
 public:
  explicit AsyncLet(Task<T>&& body, std::source_location here, const ChildOptions& options = {}) noexcept
      : AsyncLet(std::move(body), here, options, detail::current_task_or_misuse("async_let outside of a task")) {}
  AsyncLet(const AsyncLet&) = delete;
  AsyncLet& operator=(const AsyncLet&) = delete;
  ~AsyncLet() {
    if (!awaited_) [[unlikely]]
      detail::misuse("an async_let ended without being awaited; it was made in", made_.function_name(),
                     made_.file_name(), made_.line());
  }

  /// Asks the child to stop; it is awaited as usual.
  void cancel() noexcept { child_.cancel(); }
  /// Whether it has ended, so that awaiting it does not suspend. False from the moment it is awaited.
  bool is_done() const noexcept { return child_.join.load(std::memory_order_acquire) == done; }
  /// The child; lives as long as this object.
  TaskRecord& task() noexcept { return child_; }

  template <Exceptions policy>
  class Await;
  /// Waits for the child and gives its result; once.
  template <Exceptions policy = default_exceptions>
  Await<policy> operator co_await() noexcept {
    return Await<policy>(*this);
  }

  /// Waits for the end alone; `take_result` gives the result afterwards.
  class Settle;
  Settle settled() noexcept { return Settle(*this); }
  template <Exceptions policy = default_exceptions>
  T take_result() {
    return child_.result().template take<policy>();
  }

  class [[nodiscard]] Settle : public detail::Awaiter {
   public:
    explicit Settle(AsyncLet& let) noexcept : let_(let) {}
    bool await_ready() const noexcept { return let_.is_done(); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> here) noexcept {
      Child& child = let_.child_;
      TaskRecord* parent = &detail::suspend_current(here);
      const bool traced = detail::tracing();
      if (traced) [[unlikely]]
        detail::report(TraceEvent::suspended, parent, {}, parent->executor);
      child.waiting = parent;
      if (detail::take_back(child)) {
        // It has not begun, and nobody else can begin it: it runs here and now, and comes back here.
        child.join.store(awaited, std::memory_order_relaxed);
        return detail::transfer(child, child.executor, traced);
      }
      unsigned char expected = running;
      if (child.join.compare_exchange_strong(expected, awaited, std::memory_order_acq_rel, std::memory_order_acquire))
        return detail::nothing_to_resume();
      detail::unsuspend(*parent);
      return here;
    }
    void await_resume() noexcept {
      let_.awaited_ = true;
      let_.detach();
    }

   protected:
    AsyncLet& let_;
  };

  template <Exceptions policy>
  class [[nodiscard]] Await : public Settle {
   public:
    using Settle::Settle;
    T await_resume() {
      Settle::await_resume();
      return this->let_.template take_result<policy>();
    }
  };

 private:
  static constexpr unsigned char running = 0, awaited = 1, done = 2;

  struct Child : detail::ChildTask<T> {
    using detail::ChildTask<T>::ChildTask;
    std::atomic<unsigned char> join{running};
    TaskRecord* waiting = nullptr;
  };
  static const Operations operations;
  // The child lives as long as this link: there is no list to close.
  bool wave_step(Step step, CancellationWave& wave) noexcept {
    if (step == Step::mark) return wave_runs_ = child_.mark_cancelled();
    if (step == Step::run && wave_runs_) child_.run_handlers(wave);
    return true;
  }

  AsyncLet(Task<T>&& body, std::source_location here, const ChildOptions& options, TaskRecord& parent) noexcept
      : SpreadLink(operations), child_(std::move(body), parent, completed), made_(here) {
    if (options.name) child_.set_name(options.name);
    if (options.priority) child_.priority.raise_to(*options.priority);
    if (!attach(parent)) [[unlikely]]
      child_.mark_cancelled();                  // it has not begun: no handlers
    child_.priority.raise_to(parent.priority);  // listed first: no raise passes by
    child_.start();
  }

  static void completed(void* self) {
    const bool traced = detail::tracing();
    auto& child = static_cast<Child&>(TaskRecord::ended(self, traced));
    child.result().settle();
    detail::thread_state().task = nullptr;
    // Awaited already: nobody else changes it any more.
    if (child.join.load(std::memory_order_acquire) != awaited &&
        child.join.exchange(done, std::memory_order_acq_rel) == running)
      return;
    [[clang::musttail]] return TaskRecord::go_on(
        detail::transfer(*child.waiting, child.waiting->executor, traced).address());
  }

  detail::Named<Child> child_;
  bool awaited_ = false;
  bool wave_runs_ = false;  // the wave's
  std::source_location made_;
};

template <class T>
const typename AsyncLet<T>::Operations AsyncLet<T>::operations{
    [](SpreadLink& link, EscalationWave& wave) noexcept { wave.raise(static_cast<AsyncLet&>(link).child_); },
    [](SpreadLink& link, Step step, CancellationWave& wave) noexcept {
      return static_cast<AsyncLet&>(link).wave_step(step, wave);
    }};

/// Starts `body` as a child of the current task. The result is pinned in the caller's frame.
template <class T>
AsyncLet<T> async_let(Task<T> body [[clang::lifetimebound]],
                      std::source_location here = std::source_location::current()) noexcept {
  return AsyncLet<T>(std::move(body), here);
}
template <class T>
AsyncLet<T> async_let(Task<T> body [[clang::lifetimebound]], ChildOptions options,
                      std::source_location here = std::source_location::current()) noexcept {
  return AsyncLet<T>(std::move(body), here, options);
}

}  // namespace crank
