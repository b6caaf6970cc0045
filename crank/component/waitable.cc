#include "crank/component/waitable.h"

#include "crank/component/group.h"
#include "crank/component/task.h"

namespace crank::component::detail {
namespace {
void wake(WaitableSet& set) {
  for (Call* task = set.waiters; task; task = task->next_waiter) group_of(*task).make_ready(*task);
}
}  // namespace

void set_event(Waitable& w) {
  if (!w.has_event) {
    w.has_event = true;
    if (w.set) w.set->link(w);
  }
  if (w.set) wake(*w.set);
  if (w.sync_waiter) group_of(*w.sync_waiter).make_ready(*w.sync_waiter);
}

void clear_event(Waitable& w) {
  if (w.has_event && w.set) w.set->unlink(w);
  w.has_event = false;
}

void join(Waitable& w, WaitableSet* set) {
  if (w.set) {
    if (w.has_event) w.set->unlink(w);
    --w.set->members;
  }
  w.set = set;
  if (!set) return;
  ++set->members;
  if (w.has_event) {
    set->link(w);
    wake(*set);
  }
}

void add_waiter(WaitableSet& set, Call& task) {
  ++set.waiting;
  task.next_waiter = set.waiters;
  set.waiters = &task;
}

void remove_waiter(WaitableSet& set, Call& task) {
  for (Call** at = &set.waiters; *at; at = &(*at)->next_waiter) {
    if (*at != &task) continue;
    *at = task.next_waiter;
    --set.waiting;
    return;
  }
}

}  // namespace crank::component::detail
