// Bridges: how an await leaves the guest and comes back exactly once (P4).
//
//     co_await bridge ──> token = table.add(this), import(token, task, …)     the task is suspended, the import has returned
//                          … the host works, with its own stack and credentials …
//     host ──> resume(token, status, bytes): the answer is put in place, the task enqueued; nothing runs
//     next pump turn ──> the task goes on at the await with Result<Bytes>
//
// Rules
//  1  A token is live from the import until the answer has been taken at the await. Whoever comes with a token that is not
//     live, or has its answer, is refused and counted, and changes nothing.
//  2  Cancelling the waiting task ends a live token that has no answer: the host is told to forget it, and the await gives
//     Code::cancelled. An answer that came before wins.
//  3  Errors and cancellation arrive as values; nothing is thrown.
#pragma once

#include <coroutine>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/promise.h"
#include "crank/async/task_local.h"
#include "crank/base/result.h"
#include "crank/guest/bytes.h"
#include "crank/guest/id_table.h"
#include "crank/guest/imports.h"

namespace crank::guest {

/// What the guest answers to a resume; the numbers are the contract's.
enum class Resumed : std::uint32_t { accepted, unknown, stale, twice };

/// The entry a task works for, bound by the pump; children and spawned tasks inherit it. 0 for detached work.
inline constexpr TaskLocal<std::uint32_t> entry_task;

/// The error that stands for a bridge's status and sentence; `status` is not ok.
Error error_of(Status status, std::string_view sentence);
/// The status an error crosses the boundary with.
Status status_of(Code code) noexcept;

/// One await that waits for the host. Lives in the awaiting frame.
class BridgeWait : public crank::detail::Awaiter, private CancellationHandler {
 public:
  bool await_ready() noexcept;
  Result<Bytes> await_resume();

 protected:
  BridgeWait() noexcept : CancellationHandler(on_cancelled) {}
  ~BridgeWait() = default;
  /// Suspends the current task under a token; false when there are too many, and the await has its answer.
  bool begin(std::coroutine_handle<> here) noexcept;
  /// After the import was called.
  void begun() noexcept { attach(*task_); }

  std::uint32_t token_ = 0, entry_ = 0;

 private:
  friend class Bridges;
  static void on_cancelled(CancellationHandler& handler) noexcept;

  TaskRecord* task_ = nullptr;
  Bytes answer_;
  Status status_ = Status::ok;
  bool answered_ = false;
};

/// The resume table of one guest, and its way to the host.
class Bridges {
 public:
  explicit Bridges(Imports imports) noexcept : imports_(imports) {}
  Bridges(const Bridges&) = delete;
  ~Bridges() { drop_state(); }
  Bridges& operator=(const Bridges&) = delete;

  /// Of the guest whose pump turn this is.
  static Bridges& current() noexcept { return *active_; }
  const Imports& imports() const noexcept { return imports_; }

  /// The host's answer. Accepted: the block [data, data + size) belongs to the guest from now on. Runs no user code.
  Resumed resume(std::uint32_t token, Status status, std::byte* data, std::size_t size) noexcept;
  /// Tokens that wait for an answer or have one not yet taken.
  std::uint32_t live() const noexcept { return waiting_.live(); }
  /// Calls `visit(token, entry, task)` for each await that has no answer yet.
  template <class Visit>
  void each_waiting(Visit visit) const {
    waiting_.each([&](std::uint32_t token, void* occupant) {
      const auto& wait = *static_cast<const BridgeWait*>(occupant);
      if (!wait.answered_) visit(token, wait.entry_, *wait.task_);
    });
  }
  /// How many resumes were refused.
  std::uint64_t refused() const noexcept { return refused_; }

  // For module_state.h.
  void* state() const noexcept { return state_; }
  void set_state(void* state, void (*destroy)(void*) noexcept) noexcept {
    state_ = state;
    destroy_state_ = destroy;
  }
  void drop_state() noexcept {
    if (void* state = std::exchange(state_, nullptr)) destroy_state_(state);
  }

  /// For good: the one guest of a wasm32 module.
  void make_current() noexcept { active_ = this; }
  /// While the scope lives: one of the native guests this thread drives.
  class Scope {
   public:
    explicit Scope(Bridges& bridges) noexcept : before_(std::exchange(active_, &bridges)) {}
    ~Scope() { active_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Bridges* before_;
  };

 private:
  friend class BridgeWait;
#if defined(__wasm__)
  static inline constinit Bridges* active_ = nullptr;
#else
  static inline constinit thread_local Bridges* active_ = nullptr;
#endif
  Imports imports_;
  IdTable waiting_;
  std::uint64_t refused_ = 0;
  void* state_ = nullptr;
  void (*destroy_state_)(void*) noexcept = nullptr;
};

/// Awaits what `start(imports, token, task)` asks the host for. The base of every bridge:
///     co_return co_await guest::bridge([&](const Imports& host, auto token, auto task) { host.read(token, task, 7); });
/// Gives the answer's bytes, or the host's error. `start` runs once, at the await, and must be one import call.
template <class Start>
class [[nodiscard("co_await it")]] Bridge final : public BridgeWait {
 public:
  explicit Bridge(Start start) noexcept : start_(std::move(start)) {}
  bool await_suspend(std::coroutine_handle<> here) noexcept {
    if (!begin(here)) return false;
    start_(Bridges::current().imports(), token_, entry_);
    begun();
    return true;
  }

 private:
  [[no_unique_address]] Start start_;
};
template <class Start>
Bridge<Start> bridge(Start start) noexcept {
  return Bridge<Start>(std::move(start));
}

}  // namespace crank::guest
