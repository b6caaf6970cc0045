// The queue under channels and streams. Internal: users read channel.h and stream.h.
//
// Rules
//  1  Everything is changed under one short lock; tasks are resumed after it is given up.
//  2  Waiting senders only while the buffer is full, waiting receivers only while it is empty: never both.
//  3  A waiter is unlinked by exactly one: who serves it, who closes, or its canceller; that one resumes it.
#pragma once

#include <atomic>
#include <coroutine>
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
  std::atomic<bool> stop{false};  // cancelled: looked at under the channel's lock before linking
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

/// A ring of T that grows when it is told to.
template <class T>
class Ring {
 public:
  explicit Ring(std::size_t capacity) : capacity_(round_up(capacity)), slots_(allocate(capacity_)) {}
  Ring(const Ring&) = delete;
  ~Ring() {
    while (size_) pop();
    std::allocator<T>().deallocate(slots_, capacity_);
  }
  std::size_t size() const noexcept { return size_; }
  void push(T&& value) {
    if (size_ == capacity_) [[unlikely]]
      grow();
    new (slots_ + ((head_ + size_) & (capacity_ - 1))) T(std::move(value));
    ++size_;
  }
  T pop() {
    T& slot = slots_[head_];
    T value(std::move(slot));
    slot.~T();
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    return value;
  }

 private:
  static std::size_t round_up(std::size_t n) noexcept {
    std::size_t power = 4;
    while (power < n) power *= 2;
    return power;
  }
  static T* allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
  void grow() {
    T* larger = allocate(capacity_ * 2);
    std::size_t count = size_;
    for (std::size_t i = 0; i < count; ++i) new (larger + i) T(pop());
    std::allocator<T>().deallocate(slots_, capacity_);
    slots_ = larger;
    capacity_ *= 2;
    head_ = 0;
    size_ = count;
  }
  std::size_t capacity_, head_ = 0, size_ = 0;
  T* slots_;
};

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
      : capacity_(capacity), overflow_(overflow), ring_(capacity < 1024 ? capacity : 1024) {}

  /// Takes the value unless it is full or closed; never waits.
  Pushed push(T& value) {
    lock_.lock();
    Pushed outcome = push_locked(value, nullptr);
    return outcome;
  }
  /// The same, or links the waiter (whose `value` holds it) when the buffer is full.
  Pushed push_or_wait(SendWaiter<T>& waiter) {
    lock_.lock();
    return push_locked(*waiter.value, &waiter);
  }
  std::optional<T> try_pop() {
    std::optional<T> value;
    lock_.lock();
    pop_locked(value, nullptr);
    return value;
  }
  /// True: the value is there, or none will come. False: the waiter was linked.
  bool pop_or_wait(ReceiveWaiter<T>& waiter) {
    lock_.lock();
    return pop_locked(waiter.value, &waiter);
  }
  /// A canceller's try: true when the waiter was still linked, and is now its own to resume.
  bool unlink(ChannelWaiter& waiter, bool sender) noexcept {
    LockGuard guard(lock_);
    if (!waiter.linked) return false;
    (sender ? senders_ : receivers_).remove(waiter);
    return true;
  }
  /// Answers whether it was open.
  bool close() noexcept {
    ChannelWaiter* woken = nullptr;
    ChannelWaiter** last = &woken;
    lock_.lock();
    bool was_open = !closed_;
    closed_ = true;
    for (WaiterList* list : {&receivers_, &senders_}) {
      // Unlinked they are ours alone (rule 3), and chained by `next`: a canceller must not find them linked any more.
      while (ChannelWaiter* waiter = list->pop()) {
        *last = waiter;
        last = &waiter->next;
      }
    }
    *last = nullptr;
    lock_.unlock();
    while (woken) {
      TaskRecord& task = *woken->task;
      woken = woken->next;  // before the task goes on, and the waiter with it
      resume_later(task);
    }
    return was_open;
  }
  std::size_t size() noexcept {
    LockGuard guard(lock_);
    return ring_.size();
  }
  bool closed() noexcept {
    LockGuard guard(lock_);
    return closed_;
  }

 private:
  Pushed push_locked(T& value, SendWaiter<T>* waiter) {
    if (closed_) return lock_.unlock(), Pushed::closed;
    if (auto* receiver = static_cast<ReceiveWaiter<T>*>(receivers_.pop())) {
      receiver->value.emplace(std::move(value));
      TaskRecord& task = *receiver->task;
      lock_.unlock();
      resume_later(task);
      return Pushed::taken;
    }
    if (ring_.size() < capacity_ || overflow_ == Overflow::grow) [[likely]] {
      ring_.push(std::move(value));
      return lock_.unlock(), Pushed::taken;
    }
    if (overflow_ == Overflow::drop_oldest) {
      ring_.pop();
      ring_.push(std::move(value));
      return lock_.unlock(), Pushed::dropped;
    }
    if (overflow_ == Overflow::drop_newest) return lock_.unlock(), Pushed::dropped;
    bool linked = waiter && !waiter->stop.load(std::memory_order_relaxed);
    if (linked) senders_.push(*waiter);
    return lock_.unlock(), linked || !waiter ? Pushed::full : Pushed::closed;
  }

  bool pop_locked(std::optional<T>& value, ReceiveWaiter<T>* waiter) {
    auto* sender = static_cast<SendWaiter<T>*>(nullptr);
    if (ring_.size() > 0) [[likely]] {
      value.emplace(ring_.pop());
      if (!senders_.empty()) {
        sender = static_cast<SendWaiter<T>*>(senders_.pop());
        ring_.push(std::move(*sender->value));
      }
    } else if (!senders_.empty()) {
      sender = static_cast<SendWaiter<T>*>(senders_.pop());
      value.emplace(std::move(*sender->value));
    } else if (!closed_ && waiter && !waiter->stop.load(std::memory_order_relaxed)) {
      receivers_.push(*waiter);
      return lock_.unlock(), false;
    }
    if (sender) {
      sender->taken = true;
      TaskRecord& task = *sender->task;
      lock_.unlock();
      resume_later(task);
    } else {
      lock_.unlock();
    }
    return true;
  }

  Lock lock_;
  bool closed_ = false;
  const std::size_t capacity_;
  const Overflow overflow_;
  WaiterList senders_, receivers_;
  Ring<T> ring_;
};

// An awaiter that may wait in a channel and may be cancelled there. It is attached to its task before it is linked; the
// canceller first sets `stop`, then unlinks. Both happen under or around the channel's lock, so one of the two sees the other.
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
