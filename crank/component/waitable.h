// Internal: what a guest can wait for, and the sets it waits with. Touched on the instance's executor only.
//
// Rules
//  1  A waitable has at most one pending event; what it says is computed when it is delivered, not when it arises.
//  2  A set lists its members that have an event, first come first served; tasks that wait on the set are its waiters.
//  3  An event makes every waiter of the set a candidate (Group::make_ready); candidates check again when they run.
// Source: CanonicalABI.md, "Waitable State".
#pragma once

#include <cstdint>

#include "crank/component/handle_table.h"

namespace crank::component::detail {

enum class EventCode : std::uint32_t {
  none,
  subtask,
  stream_read,
  stream_write,
  future_read,
  future_write,
  task_cancelled
};
struct Event {
  EventCode code = EventCode::none;
  std::uint32_t index = 0, payload = 0;
};

struct Waitable {
  EntryKind kind{};
  bool has_event = false;
  std::uint32_t index = 0;
  WaitableSet* set = nullptr;
  Waitable *next = nullptr, *previous = nullptr;  // links among the set's members with an event
  Call* sync_waiter = nullptr;                    // the task whose stack blocks on this very waitable
};

struct WaitableSet {
  std::uint32_t members = 0, waiting = 0;
  Waitable *first = nullptr, *last = nullptr;  // members with an event
  Call* waiters = nullptr;                     // linked by Call::next_waiter

  bool has_event() const noexcept { return first != nullptr; }
  void link(Waitable& w) noexcept {
    w.previous = last;
    w.next = nullptr;
    (last ? last->next : first) = &w;
    last = &w;
  }
  void unlink(Waitable& w) noexcept {
    (w.previous ? w.previous->next : first) = w.next;
    (w.next ? w.next->previous : last) = w.previous;
  }
};

void set_event(Waitable& waitable);
void clear_event(Waitable& waitable);
/// Moves the waitable into a set, or out of any (null).
void join(Waitable& waitable, WaitableSet* set);
void add_waiter(WaitableSet& set, Call& task);
void remove_waiter(WaitableSet& set, Call& task);

}  // namespace crank::component::detail
