// A guest call on a stack of its own, which may be left in the middle and taken up later, on any thread.
//
//   store.start(f, args, slots) ── poll ──> done        result() and values()
//                                   │  └──> waiting     a BlockingFunction answered Step::wait: poll when it can go on
//                                   └─────> preempted   its slice is over: poll again when its turn comes
//
// A store may have several suspended fibers, finished in any order (StoreOptions::several_fibers). This breaks two rules
// of the engine's documentation on purpose; fiber_canary_test.cc is what keeps it honest. Polling is the store owner's:
// one thread at a time. While preempted, nothing else may enter that store's instance (law P7): the caller's business.
// A fiber is reused: about 170 ns from start to done, and a suspension about as much.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "crank/base/result.h"
#include "crank/engine/store.h"

namespace crank::engine {

class Fiber {
 public:
  enum class State : std::uint8_t { ready, running, waiting, preempted, done };

  /// Starts or continues it on this thread and returns when it is done, waits or was preempted. Not for one that is done.
  State poll();
  State state() const noexcept { return state_; }
  /// Done: success, or the trap.
  const Result<>& result() const noexcept { return result_; }
  /// Done with success: the results.
  std::span<RawVal> values() noexcept { return {values_, count_}; }
  Store& store() const noexcept { return store_; }
  /// For whoever started it.
  void* user = nullptr;
  /// A poll ends at the first check point after its slice: false keeps this fiber from being preempted (it overstays like a call).
  bool preemptible = true;

  /// Called on the fiber, in the host, each time the function has returned without a trap: true calls it again, with the
  /// arguments that are in values() now. Saves a poll for each piece of work. It may call into the store, must not throw, and
  /// must keep nothing thread-local across calls. Reset by every start.
  bool (*more)(Fiber& fiber) noexcept = nullptr;

  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  struct Native;

 private:
  friend class Store;
  friend class FiberRef;
  friend struct StoreAccess;
  explicit Fiber(Store& store);

  Store& store_;
  State state_ = State::done;
  Func func_;
  RawVal inline_values_[8] = {};
  RawVal* values_ = inline_values_;
  std::size_t count_ = 0;
  std::size_t capacity_ = 8;
  Result<> result_;
  std::unique_ptr<Native> native_;
};

/// Owns a fiber. Destroying it while suspended unwinds the guest: its frames are dropped, host functions below a nested
/// call see that call fail with Code::cancelled. Must not outlive the store, nor be destroyed by code that runs on that fiber.
class [[nodiscard("dropping a fiber unwinds its guest call")]] FiberRef {
 public:
  FiberRef() noexcept = default;
  FiberRef(FiberRef&& other) noexcept : fiber_(other.fiber_) { other.fiber_ = nullptr; }
  FiberRef& operator=(FiberRef&& other) noexcept;
  ~FiberRef() { reset(); }
  void reset() noexcept;
  Fiber* get() const noexcept { return fiber_; }
  Fiber* operator->() const noexcept { return fiber_; }
  Fiber& operator*() const noexcept { return *fiber_; }
  explicit operator bool() const noexcept { return fiber_ != nullptr; }

 private:
  friend class Store;
  explicit FiberRef(Fiber* fiber) noexcept : fiber_(fiber) {}
  Fiber* fiber_ = nullptr;
};

}  // namespace crank::engine
