// Actors (R12): state that one task at a time touches. Derive, write members that return Task, hold an ActorRef.
//
//     class Counter : public crank::Actor {
//      public:
//       crank::Task<int> add(int n) { total_ += n; co_return total_; }   // runs on the actor, whoever calls
//      private:
//       int total_ = 0;
//     };
//     auto counter = crank::make_actor<Counter>();
//     int total = co_await counter.call(&Counter::add, 2);
//
// A member coroutine starts on its actor's executor because its promise sees `*this`. Between two awaits nothing else
// runs on the actor; at an await others may (reentrancy), and afterwards the code is back on the actor. Also a
// coroutine that is no member, but whose first parameter is a reference to an actor, runs on it.
#pragma once

#include <atomic>
#include <concepts>
#include <source_location>
#include <type_traits>
#include <utility>

#include "crank/async/default_actor.h"
#include "crank/async/misuse.h"
#include "crank/async/task.h"

namespace crank {

class Actor {
 public:
  using IsCrankActor = void;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  /// The executor its members run on.
  ExecutorRef executor() const noexcept { return executor_; }
  /// A bug, named, if the code that asks does not run on this actor.
  void assert_isolated(std::source_location here = std::source_location::current()) const noexcept;

  /// An own default executor, on the current runtime (there must be one: else a bug, named with the class's
  /// constructor) or on the one named.
  explicit Actor(std::source_location here = std::source_location::current()) noexcept;
  explicit Actor(Runtime& runtime) noexcept;
  /// On a custom executor, or on main; it outlives the actor.
  explicit Actor(ExecutorRef executor, Runtime& runtime) noexcept;

 protected:
  ~Actor() = default;

 private:
  template <class>
  friend class ActorRef;
  // What a promise keeps of the actor it runs on: the place of the executor.
  template <class First, class... Rest>
  friend const ExecutorRef& detail::isolation_named_by(First& first, Rest&... rest) noexcept;
  const ExecutorRef& isolation() const noexcept { return executor_; }
  // The last reference is gone, but the actor's executor is still held: by the task that dropped it, or by a thread
  // that is just leaving. It is deleted by a last job of its own, when nobody stands on it any more.
  struct Burial : Job {
    Actor* actor = nullptr;
    void (*destroy)(Actor& actor) noexcept = nullptr;
  };
  void last_reference_dropped(void (*destroy)(Actor& actor) noexcept) noexcept;

  DefaultActor own_;
  ExecutorRef executor_;
  std::atomic<std::uint32_t> references_{1};
  Burial burial_;
};

/// Shared ownership of an actor, and the only way users reach it: calls answer a Task.
template <class A>
class ActorRef {
 public:
  explicit ActorRef(A* adopted) noexcept : actor_(adopted) {}
  ActorRef(const ActorRef& from) noexcept : actor_(from.actor_) {
    if (actor_) base().references_.fetch_add(1, std::memory_order_relaxed);
  }
  ActorRef(ActorRef&& from) noexcept : actor_(std::exchange(from.actor_, nullptr)) {}
  ActorRef& operator=(ActorRef from) noexcept {
    std::swap(actor_, from.actor_);
    return *this;
  }
  ~ActorRef() {
    if (actor_ && base().references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      base().last_reference_dropped([](Actor& actor) noexcept { delete static_cast<A*>(&actor); });
  }

  /// Calls a member coroutine on the actor: `co_await ref.call(&Counter::add, 2)`. The reference must live until the
  /// call has ended, as any object a member function is called on. What answers anything but a Task would run on the
  /// caller's executor, a Stream too: such members are not reached (make it a Task<Stream<T>>).
  template <class T, class... Parameters>
  [[clang::coro_wrapper]] Task<T> call(Task<T> (A::*member)(Parameters...),
                                       std::type_identity_t<Parameters>... arguments) const [[clang::lifetimebound]] {
    return (actor_->*member)(std::forward<Parameters>(arguments)...);
  }
  template <class T, class... Parameters>
  [[clang::coro_wrapper]] Task<T> call(Task<T> (A::*member)(Parameters...) const,
                                       std::type_identity_t<Parameters>... arguments) const [[clang::lifetimebound]] {
    return (actor_->*member)(std::forward<Parameters>(arguments)...);
  }
  ExecutorRef executor() const noexcept { return base().executor(); }
  explicit operator bool() const noexcept { return actor_ != nullptr; }
  friend bool operator==(const ActorRef& a, const ActorRef& b) noexcept { return a.actor_ == b.actor_; }

 private:
  Actor& base() const noexcept { return *actor_; }
  A* actor_;
};

/// Makes an actor and the first reference to it.
template <std::derived_from<Actor> A, class... Arguments>
ActorRef<A> make_actor(Arguments&&... arguments) {
  return ActorRef<A>(new A(std::forward<Arguments>(arguments)...));
}

}  // namespace crank
