// Task groups (R8): any number of children, their results as they finish, and a scope that does not end before they do.
//
//     int sum = co_await crank::with_group<int>([&](this auto, auto& group) -> crank::Task<int> {
//       for (auto& url : urls) group.spawn(length_of(url));
//       int total = 0;
//       while (auto n = co_await group.next()) total += *n;
//       co_return total;      // leaving early cancels the children that are left, and waits for them
//     });
//
// Only the body's own task uses the group. Children inherit isolation, priority, task-locals and executor preference, and are
// cancelled with the task that owns the group.
//
// The body's own locals end before the children that are left do, since C++ destroys them before anything can wait: what
// children refer to stands outside of `with_group`, or the body takes every result before it ends, also where it ends early
// (docs/async/trap-group-locals.md).
#pragma once

#include <atomic>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "crank/async/cancellation_wave.h"
#include "crank/async/child_options.h"
#include "crank/async/child_task.h"
#include "crank/async/lock.h"
#include "crank/async/trace.h"

namespace crank {

struct GroupOptions {
  /// How many children run at once; the others wait their turn, in order. 0: all.
  unsigned width = 0;
};

namespace detail {

/// What a group knows of a child, whatever its result. Finished ones are linked by `Job::next`.
struct GroupLink : TaskRecord {
  using TaskRecord::TaskRecord;
  GroupLink* previous_child = nullptr;
  GroupLink* next_child = nullptr;
};

// Rules
//  1  Only the owning task changes the list of live children; a canceller reads it under the biased lock.
//  2  A child that ends pushes itself onto `done_` and is not touched by its thread again; the owner takes them all at once.
//  3  `done_` holds the mark `waiting` only while the owner is suspended and nothing is in it; the child that takes the mark
//     away puts itself into `handed_` and resumes the owner.
class GroupCore : SpreadLink {
 public:
  explicit GroupCore(GroupOptions options, bool cancel_on_failure = false) noexcept;
  GroupCore(const GroupCore&) = delete;
  ~GroupCore();

  void add(GroupLink& link) noexcept;
  /// Takes the oldest finished child out of the group, or null when none has finished.
  GroupLink* take_finished() noexcept;
  bool empty() const noexcept { return live_ == 0; }
  std::size_t live() const noexcept { return live_; }
  void cancel_children() noexcept;
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  /// The group's scope ends: nothing is added any more and cancellation does not reach it.
  void close() noexcept { detach(); }

  /// Suspends the owner until a child has finished; answers what runs meanwhile on this thread.
  std::coroutine_handle<> suspend_owner(std::coroutine_handle<> here) noexcept;
  /// Rule 2 and 3; answers what runs next.
  std::coroutine_handle<> finished(GroupLink& link, bool traced) noexcept;
  TaskRecord& owner() noexcept { return owner_; }
  bool cancels_on_failure() const noexcept { return cancel_on_failure_; }

 private:
  static constexpr std::uintptr_t waiting = 1;
  static const Operations operations;
  bool wave_step(Step step, CancellationWave& wave) noexcept;
  void raise_children(EscalationWave& wave) noexcept;
  void remove(GroupLink& link) noexcept;
  void start_or_hold(TaskRecord& child) noexcept;
  CRANK_COLD void start_next() noexcept;

  TaskRecord& owner_;
  std::atomic<std::uintptr_t> done_{0};
  GroupLink* first_ = nullptr;
  GroupLink* newest_ = nullptr;  // the child added last, while it may still wait in this thread's queue
  GroupLink* handed_ = nullptr;  // the child that resumed the owner
  Job* finished_ = nullptr;      // taken from done_, oldest first
  std::size_t live_ = 0;
  BiasedLock list_lock_;
  std::atomic<bool> cancelled_{false};
  const bool cancel_on_failure_;
  // Bounded groups only:
  const unsigned width_;
  Lock width_lock_;
  unsigned running_ = 0;
  JobList held_back_;
};

template <class T>
class GroupChild : public ChildTask<T, GroupLink> {
 public:
  GroupChild(Task<T>&& body, GroupCore& group) noexcept
      : ChildTask<T, GroupLink>(std::move(body), group.owner(), completed), group_(group) {}
  static GroupChild& make(Task<T>&& body, GroupCore& group, const ChildOptions& options) {
    GroupChild* child;
    if (options.name) {
      auto* named = new Named<GroupChild>(std::move(body), group);
      named->set_name(options.name);
      child = named;
    } else {
      child = new GroupChild(std::move(body), group);
    }
    if (options.priority) child->priority.raise_to(*options.priority);
    return *child;
  }
  void destroy() noexcept {
    if (this->status.load(std::memory_order_relaxed) & TaskRecord::named_before_bit) [[unlikely]]
      delete static_cast<Named<GroupChild>*>(this);
    else
      delete this;
  }
  static void* operator new(std::size_t size) { return frame_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { frame_free(memory, size); }

 private:
  static void completed(void* self) {
    const bool traced = tracing();
    auto& child = static_cast<GroupChild&>(TaskRecord::ended(self, traced));
    child.result().settle();
    if (child.result().failed() && child.group_.cancels_on_failure()) child.group_.cancel_children();
    [[clang::musttail]] return TaskRecord::go_on(child.group_.finished(child, traced).address());
  }
  GroupCore& group_;
};

/// Waits until a child of a group has finished, unless none is left.
class GroupAwaiter : public Awaiter {
 public:
  explicit GroupAwaiter(GroupCore& core) noexcept : core_(core) {}
  bool await_ready() noexcept {
    child_ = core_.take_finished();
    return child_ || core_.empty();
  }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> here) noexcept { return core_.suspend_owner(here); }

 protected:
  /// Afterwards: the child, which is out of the group; null when none was left.
  GroupLink* child() noexcept {
    if (!child_) child_ = core_.take_finished();
    return child_;
  }

 private:
  GroupCore& core_;
  GroupLink* child_ = nullptr;
};

template <class T>
using NextOf =
    std::conditional_t<std::is_void_v<T>, bool, std::optional<std::conditional_t<std::is_void_v<T>, char, T>>>;

}  // namespace detail

/// The children of one `with_group`. Its members are used by the task that runs the body, and by no other.
template <class T>
class Group {
 public:
  /// Starts a child. In a cancelled group it starts cancelled.
  void spawn(Task<T> body [[clang::lifetime_capture_by(this)]]) {
    core_.add(*new detail::GroupChild<T>(std::move(body), core_));
  }
  void spawn(Task<T> body [[clang::lifetime_capture_by(this)]], ChildOptions options) {
    core_.add(detail::GroupChild<T>::make(std::move(body), core_, options));
  }
  /// Asks all children, also those added later, to stop.
  void cancel() noexcept { core_.cancel_children(); }
  bool is_cancelled() const noexcept { return core_.cancelled(); }
  /// Children whose results were not taken yet.
  std::size_t size() const noexcept { return core_.live(); }

  template <Exceptions policy>
  class [[nodiscard("co_await it")]] Next : public detail::GroupAwaiter {
   public:
    using GroupAwaiter::GroupAwaiter;
    detail::NextOf<T> await_resume() {
      detail::GroupLink* link = this->child();
      if (!link) return detail::NextOf<T>{};
      auto& child = *static_cast<detail::GroupChild<T>*>(link);
      if (child.result().failed()) [[unlikely]]
        rethrow(child);
      const Owned owned{child};
      if constexpr (std::is_void_v<T>)
        return true;
      else
        return detail::NextOf<T>(child.result().take_value());
    }

   private:
    struct Owned {
      detail::GroupChild<T>& task;
      ~Owned() { task.destroy(); }
    };
    // Frees the child first: the path that throws leaves nothing to be done to the one that does not.
    [[noreturn, gnu::cold, gnu::noinline]] static void rethrow(detail::GroupChild<T>& child) {
      detail::ExceptionBox* box = child.result().take_exception();
      child.destroy();
      detail::rethrow_boxed<policy>(box);
    }
  };

  /// The next child to have finished: its result, or what it threw; nothing (for void: false) when none is left.
  template <Exceptions policy = default_exceptions>
  Next<policy> next() noexcept {
    return Next<policy>(core_);
  }

  explicit Group(GroupOptions options) noexcept : core_(options) {}

  // For with_group: waits for a child and drops it, whatever its outcome.
  class [[nodiscard]] Drop : public detail::GroupAwaiter {
   public:
    using GroupAwaiter::GroupAwaiter;
    void await_resume() noexcept {
      if (detail::GroupLink* link = this->child()) static_cast<detail::GroupChild<T>*>(link)->destroy();
    }
  };
  Drop drop_one() noexcept { return Drop(core_); }
  detail::GroupCore& core() noexcept { return core_; }

 private:
  detail::GroupCore core_;
};

namespace detail {
/// Waits for a group's first finished child and keeps it, with its outcome, until it is taken. There is one.
template <class T>
class WinnerOf : public GroupAwaiter {
 public:
  explicit WinnerOf(Group<T>& group) noexcept : GroupAwaiter(group.core()) {}
  WinnerOf(const WinnerOf&) = delete;
  ~WinnerOf() {
    if (winner_) winner_->destroy();
  }
  void await_resume() noexcept { winner_ = static_cast<GroupChild<T>*>(this->child()); }
  template <Exceptions policy>
  T take() {
    return winner_->result().template take<policy>();
  }

 private:
  GroupChild<T>* winner_ = nullptr;
};
}  // namespace detail

/// Runs `body(group)`; when it ends, by whatever way, the children left are cancelled and waited for, and then the body's
/// result (or exception) is the result. What those children answer, or throw, is dropped: nobody asked for it.
template <class T = void, class Body, Exceptions policy = default_exceptions>
auto with_group(Body body, GroupOptions options = {}) -> std::invoke_result_t<Body&, Group<T>&> {
  using Result = typename std::invoke_result_t<Body&, Group<T>&>::Value;
  Group<T> group(options);
  detail::Settled<Result> outcome(body(group));
  co_await outcome;
  if (group.size() > 0) {
    detail::trace(TraceEvent::scope_left, &group.core().owner());
    group.cancel();
  }
  while (group.size() > 0) co_await group.drop_one();
  group.core().close();
  co_return outcome.result().template take<policy>();
}

/// A group whose children's results nobody takes, so it may run for ever. A child's frame, with its parameters and locals, is
/// freed when it ends; its record at the next `spawn`, or at the end: what is kept is at most what has ended since the last
/// `spawn`. (Records are in a list that only the group's task changes, without locks.)
class DiscardingGroup {
 public:
  explicit DiscardingGroup(GroupOptions options) noexcept : core_(options, true) {}
  ~DiscardingGroup() {
    if (failed_) failed_->destroy();
  }

  /// Starts a child. In a cancelled group it starts cancelled.
  void spawn(Task<> body [[clang::lifetime_capture_by(this)]]) {
    reap_finished();
    core_.add(*new detail::GroupChild<void>(std::move(body), core_));
  }
  void spawn(Task<> body [[clang::lifetime_capture_by(this)]], ChildOptions options) {
    reap_finished();
    core_.add(detail::GroupChild<void>::make(std::move(body), core_, options));
  }
  /// Asks all children, also those added later, to stop; they are waited for as usual.
  void cancel() noexcept { core_.cancel_children(); }
  /// By `cancel`, with its task, or by a child's exception.
  bool is_cancelled() const noexcept { return core_.cancelled(); }
  /// Children whose records are kept still.
  std::size_t size() const noexcept { return core_.live(); }

  // For with_discarding_group.
  class [[nodiscard]] Drop : public detail::GroupAwaiter {
   public:
    explicit Drop(DiscardingGroup& group) noexcept : GroupAwaiter(group.core_), group_(group) {}
    void await_resume() noexcept {
      if (detail::GroupLink* link = this->child()) group_.reap(link);
    }

   private:
    DiscardingGroup& group_;
  };
  Drop drop_one() noexcept { return Drop(*this); }
  detail::GroupCore& core() noexcept { return core_; }
  template <Exceptions policy>
  void rethrow() {
    if (failed_) failed_->result().take<policy>();
  }

 private:
  void reap_finished() noexcept {
    while (detail::GroupLink* link = core_.take_finished()) reap(link);
  }
  void reap(detail::GroupLink* link) noexcept {
    auto* child = static_cast<detail::GroupChild<void>*>(link);
    if (!failed_ && child->result().failed())
      failed_ = child;
    else
      child->destroy();
  }
  detail::GroupCore core_;
  detail::GroupChild<void>* failed_ = nullptr;
};

/// Runs `body(group)`. When it ends the children are waited for, not cancelled; an exception of the body cancels them first,
/// and so does the first exception of a child. In the end a child's first exception is thrown, else the body's, else the
/// body's result given; what others throw is dropped.
template <class Body, Exceptions policy = default_exceptions>
auto with_discarding_group(Body body, GroupOptions options = {}) -> std::invoke_result_t<Body&, DiscardingGroup&> {
  using Result = typename std::invoke_result_t<Body&, DiscardingGroup&>::Value;
  DiscardingGroup group(options);
  detail::Settled<Result> outcome(body(group));
  co_await outcome;
  if (!group.core().empty()) detail::trace(TraceEvent::scope_left, &group.core().owner());
  if (outcome.result().failed()) group.cancel();
  while (!group.core().empty()) co_await group.drop_one();
  group.core().close();
  group.template rethrow<policy>();
  co_return outcome.result().template take<policy>();
}

}  // namespace crank
