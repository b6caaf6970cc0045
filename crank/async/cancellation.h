// Cancellation (R9): a flag that travels down the task tree and runs handlers; work acts on it at its own points.
//
//     auto stop = crank::on_cancel([&] noexcept { socket.shutdown(); });   // while in scope
//     ... co_await something ...
//
// A handler runs at most once, on the thread that cancels (or at once, here, when the task was cancelled before), must not
// block, and may cancel tasks and resume continuations, also such as make other handlers of the task go away. When its
// destructor returns, the handler is not running and never will, except that a handler may end its own scope.
#pragma once

#include <type_traits>
#include <utility>

#include "crank/async/task_record.h"

namespace crank {

/// Whether the current task was asked to stop; false outside of tasks and under a shield. One relaxed load.
inline bool is_cancelled() noexcept {
  TaskRecord* task = detail::thread_state().task;
  return task && (task->status.load(std::memory_order_relaxed) &
                  (TaskRecord::cancelled_bit | TaskRecord::shielded_bit)) == TaskRecord::cancelled_bit;
}

/// One registered handler; the intrusive node of the task's list. Base of the scoped handler below and of awaiters.
class CancellationHandler {
 public:
  using Run = void (*)(CancellationHandler& handler) noexcept;
  explicit CancellationHandler(Run run) noexcept : run_(run), kind_(Kind::plain) {}
  CancellationHandler(const CancellationHandler&) = delete;
  CancellationHandler& operator=(const CancellationHandler&) = delete;

  /// Adds it to the task. When the task is cancelled already, returns false, and runs it now if it is one that runs.
  bool attach(TaskRecord& task) noexcept {
    constexpr auto unusual = TaskRecord::cancelled_bit | TaskRecord::shielded_bit;
    if (task.status.load(std::memory_order_relaxed) & unusual) [[unlikely]]
      return attach_unusual(task);
    if (!lock(task)) [[unlikely]] {
      task.handlers_lock.unlock_owner();
      return attach_unusual(task);
    }
    task_ = &task;
    CancellationHandler* next = task.handlers.load(std::memory_order_relaxed);
    next_.store(next, std::memory_order_relaxed);
    link_ = &task.handlers;
    if (next) next->link_ = &next_;
    task.handlers.store(this, std::memory_order_relaxed);
    state_.store(State::listed, std::memory_order_relaxed);
    task.handlers_lock.unlock_owner();
    return true;
  }
  /// Removes it; waits when it is just running on another thread. Harmless when it never was attached.
  void detach() noexcept {
    TaskRecord* task = task_;
    if (!task) return;
    task_ = nullptr;
    lock(*task);
    bool listed = state_.load(std::memory_order_relaxed) == State::listed;
    if (listed) [[likely]] {
      CancellationHandler* next = next_.load(std::memory_order_relaxed);
      link_->store(next, std::memory_order_relaxed);
      if (next) next->link_ = link_;
      state_.store(State::idle, std::memory_order_relaxed);
    }
    task->handlers_lock.unlock_owner();
    if (!listed) [[unlikely]]
      wait_until_run();
  }
  bool attached() const noexcept { return task_ != nullptr; }

 protected:
  enum class Kind : unsigned char { plain, escalates, spreads };
  CancellationHandler(Run run, Kind kind) noexcept : run_(run), kind_(kind) {}
  ~CancellationHandler() = default;

 private:
  friend class TaskRecord;
  friend class CancellationWave;
  enum class State : unsigned char { idle, listed, running, done };
  static bool lock(TaskRecord& task) noexcept {
    return task.handlers_lock.lock_owner(
        [&task] { return (task.status.load(std::memory_order_seq_cst) & TaskRecord::cancelled_bit) == 0; });
  }
  bool attach_unusual(TaskRecord& task) noexcept;
  void wait_until_run() noexcept;

  Run run_;
  TaskRecord* task_ = nullptr;
  std::atomic<CancellationHandler*> next_{nullptr};
  std::atomic<CancellationHandler*>* link_ = nullptr;  // what points to it
  std::atomic<State> state_{State::idle};
  const Kind kind_;
};

/// A handler that also passes a raised priority on, to what the task waits for. `escalate` runs under the task's lock.
class EscalationLink : public CancellationHandler {
 protected:
  using Escalate = void (*)(EscalationLink& link, Priority least) noexcept;
  EscalationLink(Run run, Escalate escalate) noexcept
      : CancellationHandler(run, Kind::escalates), escalate_(escalate) {}
  ~EscalationLink() = default;

 private:
  friend class TaskRecord;
  Escalate escalate_;
};

namespace detail {
template <class Function>
class ScopedHandler final : CancellationHandler {
 public:
  explicit ScopedHandler(Function function) noexcept
      : CancellationHandler([](CancellationHandler& self) noexcept { static_cast<ScopedHandler&>(self).function_(); }),
        function_(std::move(function)) {
    if (TaskRecord* task = thread_state().task) attach(*task);
  }
  ~ScopedHandler() { detach(); }

 private:
  Function function_;
};
}  // namespace detail

/// Runs `function` when the current task is cancelled, for as long as the returned object lives. It lives in the task's
/// own frames and is destroyed there.
template <class Function>
  requires std::is_nothrow_invocable_v<Function&>
[[nodiscard("the handler is removed when this object ends")]] detail::ScopedHandler<Function> on_cancel(
    Function function) {
  return detail::ScopedHandler<Function>(std::move(function));
}

/// Clean-up that must finish: inside the scope the current task does not look cancelled and its sleeps are not cut short.
class [[nodiscard("the shield ends with this object")]] CancellationShield {
 public:
  CancellationShield() noexcept : task_(detail::thread_state().task) {
    if (task_)
      before_ = task_->status.fetch_or(TaskRecord::shielded_bit, std::memory_order_relaxed) & TaskRecord::shielded_bit;
  }
  ~CancellationShield() {
    if (task_ && !before_) task_->status.fetch_and(~TaskRecord::shielded_bit, std::memory_order_relaxed);
  }
  CancellationShield(const CancellationShield&) = delete;
  CancellationShield& operator=(const CancellationShield&) = delete;

 private:
  TaskRecord* task_;
  std::uint32_t before_ = 0;
};

}  // namespace crank
