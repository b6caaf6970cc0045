// Cancellation (R9): a flag that travels down the task tree and runs handlers; work acts on it at its own points.
//
//     auto stop = crank::on_cancel([&] noexcept { socket.shutdown(); });   // while in scope
//     ... co_await something ...
//
// A handler runs at most once, on the thread that cancels (or at once, here, when the task was cancelled before), must not
// block or escalate, and may cancel tasks and resume continuations, also such as make other handlers of the task go away. When its
// destructor returns, the handler is not running and never will, except that a handler may end its own scope.
#pragma once

#include <cstdint>
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
    list(task, State::listed);
    task.handlers_lock.unlock_owner();
    return true;
  }
  /// Removes it; waits when it is just running, or looked at, on another thread. Harmless when it never was attached.
  void detach() noexcept {
    TaskRecord* task = task_;
    if (!task) return;
    task_ = nullptr;
    lock(*task);
    if (!untouched()) [[unlikely]]
      return detach_touched(*task);
    unlink();
    task->handlers_lock.unlock_owner();
  }

 protected:
  /// What is no plain handler is a link to what the task waits for, and has nothing to run. Links stay listed after the
  /// task was cancelled, and are listed under a shield too: raised priorities go along them (escalation_wave.h).
  enum class Kind : unsigned char { plain, waits, spreads };
  explicit CancellationHandler(Kind kind) noexcept : next_raised_(nullptr), kind_(kind) {}
  ~CancellationHandler() = default;

 private:
  friend class TaskRecord;
  friend class CancellationWave;
  friend class EscalationWave;
  // listed: to be run. A link in another state is listed for raises alone.
  enum class State : std::uint8_t { listed = 0, running, done };
  static bool lock(TaskRecord& task) noexcept {
    return task.handlers_lock.lock_owner(
        [&task] { return (task.status.load(std::memory_order_seq_cst) & TaskRecord::cancelled_bit) == 0; });
  }
  // Under the lock.
  void list(TaskRecord& task, State state) noexcept {
    task_ = &task;
    link_at(task.handlers);
    state_.store(state, std::memory_order_relaxed);
  }
  void link_at(std::atomic<CancellationHandler*>& place) noexcept {
    CancellationHandler* next = place.load(std::memory_order_relaxed);
    next_.store(next, std::memory_order_relaxed);
    link_ = &place;
    if (next) next->link_ = &next_;
    place.store(this, std::memory_order_relaxed);
  }
  void unlink() noexcept {
    CancellationHandler* next = next_.load(std::memory_order_relaxed);
    link_->store(next, std::memory_order_relaxed);
    if (next) next->link_ = link_;
    link_ = nullptr;
  }
  // Then it is in the list.
  bool untouched() const noexcept {
    return (static_cast<std::uint8_t>(state_.load(std::memory_order_relaxed)) |
            raise_.load(std::memory_order_acquire)) == 0;
  }
  bool attach_unusual(TaskRecord& task) noexcept;
  void detach_touched(TaskRecord& task) noexcept;

  union {
    Run run_;                           // of a plain one
    CancellationHandler* next_raised_;  // of a link: an EscalationWave's
  };
  TaskRecord* task_ = nullptr;
  std::atomic<CancellationHandler*> next_{nullptr};
  std::atomic<CancellationHandler*>* link_ = nullptr;  // what points to it; null: not in a list
  std::atomic<State> state_{State::listed};
  std::atomic<std::uint8_t> raise_{0};  // pinned by an EscalationWave: 1 + the priority it is to pass on
  const Kind kind_;

 protected:
  bool entered_as_handler_;  // the CancellationWave's, of a SpreadLink
};

/// Lists, in the task that waits, the task it waits for. Whoever makes it keeps that alive until `detach` has returned.
class EscalationLink : public CancellationHandler {
 protected:
  explicit EscalationLink(TaskRecord& target) noexcept : CancellationHandler(Kind::waits), target_(target) {}
  ~EscalationLink() = default;

 private:
  friend class EscalationWave;
  TaskRecord& target_;
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
