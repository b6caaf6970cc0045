// Where code runs. An executor reference is two words (R2): an identity, and an implementation whose low bits say the
// kind.
//
//     configuration        identity        implementation        hop check
//     generic              null            0                     none: any thread of the pool
//     default actor        the actor       0                     pointers
//     ordinary             the executor    operations | 0b00     pointers
//     complex equality     the executor    operations | 0b01     asks the executors themselves
//     synchronous start    null            0b10                  as generic, but never switched to, never gives up its thread
//
// The guarantee of a serial executor is its identity, not a thread: at most one job of it runs at any moment.
#pragma once

#include <cstdint>
#include <type_traits>

#include "crank/async/cold.h"
#include "crank/async/job.h"

namespace crank {

class DefaultActor;
class SerialExecutor;

enum class ExecutorKind : std::uintptr_t { ordinary = 0b00, complex_equality = 0b01, immediate = 0b10 };

/// What a custom serial executor can do, one table for each implementation.
struct alignas(8) ExecutorOperations {
  /// Takes the job and runs it later, on this executor, by `run_job` (turn.h). From any thread.
  void (*enqueue)(void* identity, Job& job);
  /// Complex equality only: do both stand for one exclusive context?
  bool (*same_exclusive_context)(void* identity, void* other);
};

/// A non-owning reference to the serial executor of some code; two words, trivially copyable.
class ExecutorRef {
 public:
  constexpr ExecutorRef() noexcept = default;

  static constexpr ExecutorRef generic() noexcept { return {}; }
  static ExecutorRef for_default_actor(DefaultActor& actor) noexcept { return {&actor, 0}; }
  static ExecutorRef for_ordinary(void* identity, const ExecutorOperations& operations) noexcept {
    return {identity, reinterpret_cast<std::uintptr_t>(&operations)};
  }
  static ExecutorRef for_complex_equality(void* identity, const ExecutorOperations& operations) noexcept {
    return {identity, reinterpret_cast<std::uintptr_t>(&operations) | 0b01};
  }
  static constexpr ExecutorRef for_synchronous_start() noexcept { return {nullptr, 0b10}; }

  constexpr void* identity() const noexcept { return identity_; }
  constexpr std::uintptr_t implementation() const noexcept { return implementation_; }
  ExecutorKind kind() const noexcept { return static_cast<ExecutorKind>(implementation_ & kind_mask); }
  bool is_generic() const noexcept { return identity_ == nullptr && implementation_ == 0; }
  bool is_immediate() const noexcept { return kind() == ExecutorKind::immediate; }
  bool is_default_actor() const noexcept { return identity_ != nullptr && implementation_ == 0; }
  bool is_custom() const noexcept { return identity_ != nullptr && implementation_ != 0; }

  /// The actor of a default actor's reference, else null.
  DefaultActor* default_actor() const noexcept {
    return is_default_actor() ? static_cast<DefaultActor*>(identity_) : nullptr;
  }
  /// The table of a custom executor, else null.
  const ExecutorOperations* operations() const noexcept {
    return reinterpret_cast<const ExecutorOperations*>(implementation_ & ~kind_mask);
  }
  /// Whether code there may stand in for code here without a hop: one identity, or complex equality that says so.
  bool same_context(ExecutorRef other) const noexcept {
    return identity_ == other.identity_ || (kind() == ExecutorKind::complex_equality && same_complex(other));
  }

  friend bool operator==(ExecutorRef, ExecutorRef) noexcept = default;

 private:
  static constexpr std::uintptr_t kind_mask = 0b11;
  CRANK_COLD bool same_complex(ExecutorRef other) const noexcept;
  constexpr ExecutorRef(void* identity, std::uintptr_t implementation) noexcept
      : identity_(identity), implementation_(implementation) {}

  void* identity_ = nullptr;
  std::uintptr_t implementation_ = 0;
};
static_assert(sizeof(ExecutorRef) == 2 * sizeof(void*) && std::is_trivially_copyable_v<ExecutorRef>);
static_assert(static_cast<int>(ExecutorKind::ordinary) == 0b00 &&
              static_cast<int>(ExecutorKind::complex_equality) == 0b01 &&
              static_cast<int>(ExecutorKind::immediate) == 0b10);
static_assert(alignof(ExecutorOperations) > 0b11, "the kind has the low bits to itself");
static_assert(ExecutorRef::generic().identity() == nullptr && ExecutorRef::generic().implementation() == 0);
static_assert(ExecutorRef::for_synchronous_start().identity() == nullptr &&
              ExecutorRef::for_synchronous_start().implementation() == 0b10);

/// Base of custom serial executors: override `enqueue`, and run what it was given, one at a time, with `run_job`.
/// It outlives all work that refers to it. An executor of this kind never gives its thread away (R4).
class SerialExecutor {
 public:
  SerialExecutor() = default;
  SerialExecutor(const SerialExecutor&) = delete;
  SerialExecutor& operator=(const SerialExecutor&) = delete;

  /// From any thread; runs nothing itself.
  virtual void enqueue(Job& job) = 0;
  /// Only asked of executors referred to by `complex_ref`; both are of one class.
  virtual bool same_exclusive_context(const SerialExecutor& other) const { return this == &other; }

  /// The ordinary reference: compared by identity.
  ExecutorRef ref() noexcept;

 protected:
  ~SerialExecutor() = default;
};

namespace detail {
template <class Executor>
inline constexpr ExecutorOperations operations_of{
    [](void* identity, Job& job) { static_cast<SerialExecutor*>(static_cast<Executor*>(identity))->enqueue(job); },
    [](void* identity, void* other) {
      const SerialExecutor& second = *static_cast<Executor*>(other);
      return static_cast<const SerialExecutor*>(static_cast<Executor*>(identity))->same_exclusive_context(second);
    }};
}  // namespace detail

/// The complex-equality reference of an executor: two of one class are one context when they say so.
template <class Executor>
ExecutorRef complex_ref(Executor& executor) noexcept {
  return ExecutorRef::for_complex_equality(&executor, detail::operations_of<Executor>);
}

/// Where a task that prefers it runs its generic code, and the drains of the actors it wakes: a pool, an event loop.
/// Not serial. A task without a preference uses its runtime's pool.
class TaskExecutor {
 public:
  TaskExecutor() = default;
  TaskExecutor(const TaskExecutor&) = delete;
  TaskExecutor& operator=(const TaskExecutor&) = delete;
  /// From any thread; the job is run by `run_job` (turn.h) with this executor named. What a task brings here, itself or
  /// the drain of an actor, names it where the executor does not: a pool runs what it is given as it comes.
  virtual void enqueue(Job& job) = 0;

 protected:
  ~TaskExecutor() = default;
};

}  // namespace crank
