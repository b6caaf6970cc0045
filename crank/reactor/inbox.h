// Internal: the way into a reactor from any thread. A stack of messages in one atomic word, which also says whether a turn is
// scheduled, so that a push costs one exchange and schedules at most once.
//
// Rules of `head_`. 1. `idle`: no turn is scheduled or running; only a push changes it, and that pusher schedules one.
// 2. Null: a turn is scheduled or running, nothing new. 3. Else the newest message. Only the turn takes, or goes idle.
#pragma once

#include <atomic>

namespace crank::reactor {

struct Message {
  Message* next = nullptr;
};

class Inbox {
 public:
  /// True: it was idle, the caller schedules a turn. Pairs with take(): what was written before is seen by the turn.
  bool push(Message& message) noexcept {
    Message* head = head_.load(std::memory_order_relaxed);
    do {
      message.next = head == idle() ? nullptr : head;
    } while (!head_.compare_exchange_weak(head, &message, std::memory_order_acq_rel, std::memory_order_relaxed));
    return head == idle();
  }
  /// Everything that has arrived, oldest first.
  Message* take() noexcept {
    if (head_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    Message* newest = head_.exchange(nullptr, std::memory_order_acq_rel);
    Message* oldest = nullptr;
    while (newest != nullptr) {
      Message* next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }
  bool empty() const noexcept { return head_.load(std::memory_order_relaxed) == nullptr; }
  /// Ends the turn, unless something has arrived.
  bool go_idle() noexcept {
    Message* none = nullptr;
    return head_.compare_exchange_strong(none, idle(), std::memory_order_acq_rel, std::memory_order_relaxed);
  }

 private:
  static Message* idle() noexcept {
    static constinit Message mark;
    return &mark;
  }
  std::atomic<Message*> head_{idle()};
};

}  // namespace crank::reactor
