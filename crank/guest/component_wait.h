// Awaiting what the Component Model lets a task wait for: a subtask (a call of an asynchronous import) and a copy (a read or
// write of a stream or future). Both start before they are awaited, so several can be under way at once:
//
//     auto first = guest::Subtask(imported_foo(a, &result_a));
//     auto second = guest::Subtask(imported_foo(b, &result_b));
//     if (!co_await first || !co_await second) co_return guest::cancelled;
//
// Whatever memory the call or copy was given stays valid until it was awaited. Cancelling the waiting task asks the other
// side to give up, once, and the await ends with whatever came of it, as a value.
#pragma once

#include <coroutine>
#include <cstdint>

#include "crank/async/cancellation.h"
#include "crank/async/promise.h"
#include "crank/guest/canonical.h"
#include "crank/guest/component_task.h"

namespace crank::guest {

/// Common to both: a waitable in the current call's set, and the task that goes on at its event.
class [[nodiscard("co_await it")]] Waitable : public crank::detail::Awaiter, protected Waiter, CancellationHandler {
 public:
  /// It is over: awaiting it will not suspend.
  bool is_ready() const noexcept { return done_; }

  bool await_ready() const noexcept { return done_; }
  void await_suspend(std::coroutine_handle<> here) noexcept;

 protected:
  /// Asks to cancel; answers how it ended, or canonical::blocked when the event is still to come.
  using Cancel = std::uint32_t (*)(std::uint32_t waitable);
  Waitable(std::uint32_t handle, Cancel cancel) noexcept;
  ~Waitable() { detach(); }

  void finish(std::uint32_t outcome) noexcept;
  /// For an end of scope without an await: takes back what was started, or traps when the other side holds on to it.
  void take_back() noexcept;

  std::uint32_t handle_;
  std::uint32_t outcome_ = canonical::blocked;
  bool done_ = false;

 private:
  Cancel cancel_;
  ExportTask* call_ = nullptr;
  TaskRecord* task_ = nullptr;
};

/// A call of an asynchronously lowered import, made from the status the call answered.
class [[nodiscard("co_await it")]] Subtask final : public Waitable {
 public:
  explicit Subtask(std::uint32_t status) noexcept;
  ~Subtask();
  /// Whether it returned: then its result is in place. False: it was cancelled before.
  bool await_resume() noexcept;
};

/// What came of a copy.
struct Copied {
  std::uint32_t count = 0;  ///< elements moved; futures do not count
  bool ended = false;       ///< the other end is gone: nothing more will move
  bool cancelled = false;   ///< it was taken back; `count` elements had moved before
};

/// A read or write, made from the status it answered. `ended` is told when the other end is found gone.
class [[nodiscard("co_await it")]] Copy final : public Waitable {
 public:
  Copy(std::uint32_t end, std::uint32_t status, Cancel cancel, bool& ended) noexcept;
  /// A copy that needs no asking: the other end is known to be gone.
  explicit Copy(bool& ended) noexcept;
  ~Copy() {
    if (!done_) take_back();
  }
  Copied await_resume() noexcept;

 private:
  bool& ended_;
};

}  // namespace crank::guest
