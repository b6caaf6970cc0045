// The queue under channels and streams. Internal: users read channel.h and stream.h.
//
// Rules
//  1  Senders take the tail's lock and receivers the head's, so that one that sends and one that receives do not meet while
//     there is something and room. Each side keeps the last end of the other that it saw, and looks again when that is used up.
//  2  What both sides read (waiters, closed, the ring's memory) is changed under both locks, the tail's first, and may be read
//     under either. Tasks are resumed after they are given up.
//  3  Waiting senders only while the buffer is full, waiting receivers only while it is empty: never both.
//  4  A waiter is unlinked by exactly one: who serves it, who closes, or its canceller; that one resumes it.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/lock.h"
#include "crank/async/promise.h"
#include "crank/async/trace.h"

namespace crank::detail {

enum class Overflow : unsigned char { wait, grow, drop_newest, drop_oldest };
enum class Pushed : unsigned char { taken, dropped, full, closed };

/// A task that waits in a channel.
struct ChannelWaiter {
  ChannelWaiter* previous = nullptr;
  ChannelWaiter* next = nullptr;
  TaskRecord* task = nullptr;
  bool linked = false;
  std::atomic<bool> stop{false};  // cancelled: looked at under the channel's locks before linking
};

class WaiterList {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push(ChannelWaiter& waiter) noexcept {
    waiter.previous = last_;
    waiter.next = nullptr;
    waiter.linked = true;
    if (last_)
      last_->next = &waiter;
    else
      first_ = &waiter;
    last_ = &waiter;
  }
  ChannelWaiter* pop() noexcept {
    ChannelWaiter* waiter = first_;
    if (waiter) remove(*waiter);
    return waiter;
  }
  void remove(ChannelWaiter& waiter) noexcept {
    (waiter.previous ? waiter.previous->next : first_) = waiter.next;
    (waiter.next ? waiter.next->previous : last_) = waiter.previous;
    waiter.linked = false;
  }

 private:
  ChannelWaiter* first_ = nullptr;
  ChannelWaiter* last_ = nullptr;
};

// Keeps what one side writes all the time off the lines of the other.
#if defined(__wasm__)
struct Gap {};
#else
struct Gap {
  char bytes[64];
};
#endif

template <class T>
struct SendWaiter : ChannelWaiter {
  std::optional<T> value;
  bool taken = false;
};
template <class T>
struct ReceiveWaiter : ChannelWaiter {
  std::optional<T> value;
};

template <class T>
class ChannelCore {
 public:
  ChannelCore(std::size_t capacity, Overflow overflow)
      : capacity_(overflow == Overflow::grow ? unlimited : capacity),
        overflow_(overflow),
        slots_(allocate(round_up(capacity_ < 1024             ? capacity_
                                 : overflow == Overflow::grow ? 4
                                                              : 1024))) {}
  ChannelCore(const ChannelCore&) = delete;
  ~ChannelCore() {
    // Who got the last value may end the channel while its sender has yet to give up the tail's lock.
    lock_both();
    unlock_both();
    while (size_locked() > 0) pop_front();
    std::allocator<T>().deallocate(slots_, places_);
  }

  /// Takes the value unless it is full or closed; never waits.
  Pushed push(T& value) {
    tail_lock_.lock();
    if (!closed_ && receivers_.empty()) [[likely]] {
      if (has_room()) [[likely]] {
        push_back(std::move(value));
        return tail_lock_.unlock(), Pushed::taken;
      }
      if (overflow_ == Overflow::wait && limit_ == capacity_) return tail_lock_.unlock(), Pushed::full;
    }
    head_lock_.lock();
    return push_locked(value, nullptr);
  }
  /// The same, or links the waiter (whose `value` holds it) when the buffer is full.
  Pushed push_or_wait(SendWaiter<T>& waiter) {
    lock_both();
    return push_locked(*waiter.value, &waiter);
  }
  std::optional<T> try_pop() {
    std::optional<T> value;
    // The head first: if the tail, read later, is no further, it was empty at that moment. With no room at all there may be
    // a sender that waits.
    std::size_t head = head_.load(std::memory_order_acquire);
    if (tail_.load(std::memory_order_acquire) == head && capacity_ != 0) return value;
    head_lock_.lock();
    if (senders_.empty()) [[likely]] {
      if (has_value()) [[likely]]
        value.emplace(pop_front());
      head_lock_.unlock();
      return value;
    }
    head_lock_.unlock();
    lock_both();
    pop_locked(value, nullptr);
    return value;
  }
  /// True: the value is there, or none will come. False: the waiter was linked.
  bool pop_or_wait(ReceiveWaiter<T>& waiter) {
    lock_both();
    return pop_locked(waiter.value, &waiter);
  }
  /// A canceller's try: true when the waiter was still linked, and is now its own to resume.
  bool unlink(ChannelWaiter& waiter, bool sender) noexcept {
    lock_both();
    bool linked = waiter.linked;
    if (linked) (sender ? senders_ : receivers_).remove(waiter);
    unlock_both();
    return linked;
  }
  /// Answers whether it was open.
  bool close() noexcept {
    ChannelWaiter* woken = nullptr;
    ChannelWaiter** last = &woken;
    lock_both();
    bool was_open = !closed_;
    closed_ = true;
    for (WaiterList* list : {&receivers_, &senders_}) {
      // Unlinked they are ours alone (rule 4), and chained by `next`: a canceller must not find them linked any more.
      while (ChannelWaiter* waiter = list->pop()) {
        *last = waiter;
        last = &waiter->next;
      }
    }
    *last = nullptr;
    unlock_both();
    while (woken) {
      TaskRecord& task = *woken->task;
      woken = woken->next;  // before the task goes on, and the waiter with it
      resume_later(task);
    }
    return was_open;
  }
  std::size_t size() noexcept {
    lock_both();
    std::size_t size = size_locked();
    unlock_both();
    return size;
  }
  bool closed() noexcept {
    LockGuard guard(tail_lock_);
    return closed_;
  }

 private:
  static constexpr std::size_t unlimited = ~std::size_t{0};

  void lock_both() noexcept {
    tail_lock_.lock();
    head_lock_.lock();
  }
  void unlock_both() noexcept {
    head_lock_.unlock();
    tail_lock_.unlock();
  }

  // Under both locks, which it gives up.
  Pushed push_locked(T& value, SendWaiter<T>* waiter) {
    if (closed_) return unlock_both(), Pushed::closed;
    if (auto* receiver = static_cast<ReceiveWaiter<T>*>(receivers_.pop())) {
      receiver->value.emplace(std::move(value));
      TaskRecord& task = *receiver->task;
      unlock_both();
      resume_later(task);
      return Pushed::taken;
    }
    if (size_locked() < capacity_) [[likely]] {
      if (size_locked() == places_) [[unlikely]]
        grow();
      push_back(std::move(value));
      return unlock_both(), Pushed::taken;
    }
    if (overflow_ == Overflow::drop_oldest) {
      pop_front();
      push_back(std::move(value));
      return unlock_both(), Pushed::dropped;
    }
    if (overflow_ == Overflow::drop_newest) return unlock_both(), Pushed::dropped;
    bool linked = waiter && !waiter->stop.load(std::memory_order_relaxed);
    if (linked) senders_.push(*waiter);
    return unlock_both(), linked || !waiter ? Pushed::full : Pushed::closed;
  }

  bool pop_locked(std::optional<T>& value, ReceiveWaiter<T>* waiter) {
    auto* sender = static_cast<SendWaiter<T>*>(nullptr);
    if (size_locked() > 0) [[likely]] {
      value.emplace(pop_front());
      if (!senders_.empty()) {
        sender = static_cast<SendWaiter<T>*>(senders_.pop());
        push_back(std::move(*sender->value));
      }
    } else if (!senders_.empty()) {
      sender = static_cast<SendWaiter<T>*>(senders_.pop());
      value.emplace(std::move(*sender->value));
    } else if (!closed_ && waiter && !waiter->stop.load(std::memory_order_relaxed)) {
      receivers_.push(*waiter);
      return unlock_both(), false;
    }
    if (sender) {
      sender->taken = true;
      TaskRecord& task = *sender->task;
      unlock_both();
      resume_later(task);
    } else {
      unlock_both();
    }
    return true;
  }

  // The ring: places are counted from the first value ever. `has_room` and `push_back` under the tail's lock, `has_value` and
  // `pop_front` under the head's, the rest under both.
  std::size_t size_locked() const noexcept {
    return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed);
  }
  bool has_room() noexcept {
    std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ < limit_) [[likely]]
      return true;
    head_seen_ = head_.load(std::memory_order_acquire);
    return tail - head_seen_ < limit_;
  }
  void push_back(T&& value) {
    std::size_t tail = tail_.load(std::memory_order_relaxed);
    new (slots_ + (tail & (places_ - 1))) T(std::move(value));
    tail_.store(tail + 1, std::memory_order_release);
  }
  bool has_value() noexcept {
    // What was seen may be behind the head: who has both locks takes without looking here.
    std::size_t head = head_.load(std::memory_order_relaxed);
    if (static_cast<std::ptrdiff_t>(tail_seen_ - head) > 0) [[likely]]
      return true;
    tail_seen_ = tail_.load(std::memory_order_acquire);
    return tail_seen_ != head;
  }
  T pop_front() {
    std::size_t head = head_.load(std::memory_order_relaxed);
    T& slot = slots_[head & (places_ - 1)];
    T value(std::move(slot));
    slot.~T();
    head_.store(head + 1, std::memory_order_release);
    return value;
  }
  std::size_t round_up(std::size_t n) noexcept {
    std::size_t power = 4;
    while (power < n) power *= 2;
    set_places(power);
    return power;
  }
  void set_places(std::size_t places) noexcept {
    places_ = places;
    limit_ = places < capacity_ ? places : capacity_;
  }
  static T* allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
  void grow() {
    std::size_t were = places_, head = head_.load(std::memory_order_relaxed);
    T* larger = allocate(were * 2);
    for (std::size_t i = head; i != tail_.load(std::memory_order_relaxed); ++i) {
      T& slot = slots_[i & (were - 1)];
      new (larger + (i & (were * 2 - 1))) T(std::move(slot));
      slot.~T();
    }
    std::allocator<T>().deallocate(slots_, were);
    slots_ = larger;
    set_places(were * 2);
  }

  const std::size_t capacity_;
  std::size_t places_ = 0, limit_ = 0;  // a power of two; how many of them may be in use
  const Overflow overflow_;
  bool closed_ = false;
  WaiterList senders_, receivers_;
  T* slots_;
  [[no_unique_address]] Gap before_tail_;
  Lock tail_lock_;
  std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  [[no_unique_address]] Gap before_head_;
  Lock head_lock_;
  std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
};

// An awaiter that may wait in a channel and may be cancelled there. It is attached to its task before it is linked; the
// canceller first sets `stop`, then unlinks. Both happen under or around the channel's locks, so one of the two sees the other.
// Once linked, another thread may resume the task: nothing of the awaiter is touched after that.
template <class T, class Waiter, bool sender>
class ChannelAwaiter : public Awaiter, protected CancellationHandler {
 public:
  explicit ChannelAwaiter(ChannelCore<T>& core) noexcept
      : CancellationHandler([](CancellationHandler& handler) noexcept {
          auto& self = static_cast<ChannelAwaiter&>(handler);
          self.waiter_.stop.store(true, std::memory_order_relaxed);
          if (self.core_.unlink(self.waiter_, sender)) resume_later(*self.waiter_.task);
        }),
        core_(core) {}
  ChannelAwaiter(const ChannelAwaiter&) = delete;

 protected:
  /// `link` answers whether the waiter is linked now.
  template <class Link>
  bool wait(std::coroutine_handle<> here, Link link) noexcept {
    TaskRecord& task = suspend_current(here);
    waiter_.task = &task;
    trace(TraceEvent::suspended, &task, {}, task.executor);
    attach(task);
    if (link()) return true;
    unsuspend(task);
    return false;
  }
  ChannelCore<T>& core_;
  Waiter waiter_;
};

template <class T>
class [[nodiscard("co_await it")]] Send : public ChannelAwaiter<T, SendWaiter<T>, true> {
 public:
  Send(ChannelCore<T>& core, T&& value) : ChannelAwaiter<T, SendWaiter<T>, true>(core) {
    this->waiter_.value.emplace(std::move(value));
  }
  bool await_ready() {
    if (is_cancelled()) [[unlikely]]
      return true;
    outcome_ = this->core_.push(*this->waiter_.value);
    return outcome_ != Pushed::full;
  }
  bool await_suspend(std::coroutine_handle<> here) noexcept {
    return this->wait(here, [this] {
      // Linked means that it may be resumed before this returns: only an outcome that did not wait is kept.
      Pushed outcome = this->core_.push_or_wait(this->waiter_);
      if (outcome == Pushed::full) return true;
      outcome_ = outcome;
      return false;
    });
  }
  bool await_resume() noexcept {
    this->detach();
    return this->waiter_.taken || outcome_ == Pushed::taken || outcome_ == Pushed::dropped;
  }

 private:
  Pushed outcome_ = Pushed::closed;
};

template <class T>
class [[nodiscard("co_await it")]] Receive : public ChannelAwaiter<T, ReceiveWaiter<T>, false> {
 public:
  explicit Receive(ChannelCore<T>& core) noexcept : ChannelAwaiter<T, ReceiveWaiter<T>, false>(core) {}
  bool await_ready() {
    if (is_cancelled()) [[unlikely]]
      return true;
    this->waiter_.value = this->core_.try_pop();
    return this->waiter_.value.has_value();
  }
  bool await_suspend(std::coroutine_handle<> here) noexcept {
    return this->wait(here, [this] { return !this->core_.pop_or_wait(this->waiter_); });
  }
  std::optional<T> await_resume() {
    this->detach();
    return std::move(this->waiter_.value);
  }
};

}  // namespace crank::detail
