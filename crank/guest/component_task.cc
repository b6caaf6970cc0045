#include "crank/guest/component_task.h"

#include <vector>

#include "crank/async/misuse.h"
#include "crank/guest/component_clock.h"

namespace crank::guest {
namespace {

using canonical::CallbackCode;
using canonical::EventCode;

// Jobs a turn runs before it lets the host do something else with its thread.
constexpr std::uint32_t budget = 512;
// Events taken out of the set after a YIELD, so that a call that is never idle still hears them.
constexpr int polled_events = 16;

constinit ExportTask* the_current = nullptr;
constinit ExportTask* ended_calls = nullptr;  // kept with their waitable sets, for the next call

// Who stands for a waitable, by its index in the instance's handle table, which the host keeps dense.
std::vector<Waiter*>& waiters() {
  static constinit std::vector<Waiter*> table;
  return table;
}

Waiter* take_waiter(std::uint32_t waitable) noexcept {
  auto& table = waiters();
  return waitable < table.size() ? std::exchange(table[waitable], nullptr) : nullptr;
}

}  // namespace

ExportTask::ExportTask() noexcept
    : captures_(capture_.hooks()),
      runtime_(hooks()),
      alarm_([](Waiter& self, std::uint32_t) noexcept {
        canonical::crank_subtask_drop(self.waitable);
        auto& task = *the_current;  // events come only to the call whose turn it is
        task.alarm_at_ = Instant::max();
        task.capture_.expire();
      }),
      waker_([](Waiter& self, std::uint32_t) noexcept {
        canonical::crank_unit_stream_drop_readable(self.waitable);
        the_current->told_to_wake_ = false;
      }) {}

Hooks ExportTask::hooks() noexcept {
  return {.context = this,
          .enqueue_global =
              [](void* self, Job& job) noexcept {
                auto& task = *static_cast<ExportTask*>(self);
                task.captures_.enqueue_global(task.captures_.context, job);
                task.captured();
              },
          .enqueue_delayed =
              [](void* self, Job& job, Instant when) noexcept {
                auto& task = *static_cast<ExportTask*>(self);
                task.captures_.enqueue_delayed(task.captures_.context, job, when);
                task.captured();
              },
          .enqueue_main =
              [](void* self, Job& job) noexcept {
                auto& task = *static_cast<ExportTask*>(self);
                task.captures_.enqueue_main(task.captures_.context, job);
                task.captured();
              }};
}

ExportTask& ExportTask::current() noexcept {
  if (!the_current) detail::misuse("waiting outside of an asynchronous export");
  return *the_current;
}

std::uint32_t ExportTask::begin(Task<> body) {
  ExportTask* task = ended_calls;
  if (task)
    ended_calls = task->next_free_;
  else
    task = new ExportTask;
  canonical::crank_context_set(task);
  task->state_ = State::running;
  the_current = task;
  task->first_.emplace(spawn(std::move(body), {.executor = ExecutorRef::generic(), .runtime = &task->runtime_}));
  return task->turn();
}

std::uint32_t ExportTask::resume(canonical::Event event) {
  auto* task = static_cast<ExportTask*>(canonical::crank_context_get());
  bool yielded = task->state_ == State::yielded;
  task->state_ = State::running;
  the_current = task;
  task->tell(event);
  if (yielded) task->poll();
  return task->turn();
}

void ExportTask::tell(canonical::Event event) noexcept {
  if (event.code == EventCode::none) return;
  if (event.code == EventCode::task_cancelled) {
    if (first_) first_->cancel();
    return;
  }
  if (event.code == EventCode::subtask && !resolved(static_cast<canonical::SubtaskState>(event.payload))) return;
  Waiter* waiter = take_waiter(event.waitable);
  if (!waiter) detail::misuse("the host reports an event that nobody waits for");
  --armed_;
  canonical::crank_waitable_join(event.waitable, 0);
  waiter->ready(*waiter, event.payload);
  waiter->waitable = 0;
}

void ExportTask::poll() noexcept {
  for (int i = 0; i < polled_events && armed_ != 0; ++i) {
    std::uint32_t payload[2];
    auto code = static_cast<EventCode>(canonical::crank_waitable_set_poll(set_, payload));
    if (code == EventCode::none) return;
    tell({code, payload[0], payload[1]});
  }
}

std::uint32_t ExportTask::turn() noexcept {
  capture_.run(runtime_, budget);
  the_current = nullptr;
  if (runtime_.living_tasks == 0) return exit();
  if (!capture_.empty()) {
    state_ = State::yielded;
    return packed(CallbackCode::yield);
  }
  the_current = this;
  set_alarm();
  the_current = nullptr;
  if (!capture_.empty()) {  // the alarm went off at once
    state_ = State::yielded;
    return packed(CallbackCode::yield);
  }
  state_ = State::parked;
  return packed(CallbackCode::wait, set());
}

std::uint32_t ExportTask::exit() noexcept {
  drop_alarm();
  if (waker_.waitable) {
    std::uint32_t reader = waker_.waitable;
    disarm(waker_);
    canonical::crank_unit_stream_drop_readable(reader);
    told_to_wake_ = false;
  }
  if (capture_.deadline() != Instant::max()) {  // the timer job, armed for a timer that is gone
    capture_.expire();
    capture_.run(runtime_, 1);
  }
  if (armed_) detail::misuse("a call ended while something still waits in it");
  first_.reset();
  state_ = State::ended;
  next_free_ = ended_calls;
  ended_calls = this;
  return packed(CallbackCode::exit);
}

std::uint32_t ExportTask::set() noexcept {
  if (!set_) set_ = canonical::crank_waitable_set_new();
  return set_;
}

void ExportTask::arm(Waiter& waiter, std::uint32_t waitable) noexcept {
  auto& table = waiters();
  if (waitable >= table.size()) table.resize(waitable + 8);
  table[waitable] = &waiter;
  waiter.waitable = waitable;
  ++armed_;
  canonical::crank_waitable_join(waitable, set());
}

void ExportTask::disarm(Waiter& waiter) noexcept {
  take_waiter(waiter.waitable);
  --armed_;
  canonical::crank_waitable_join(waiter.waitable, 0);
  waiter.waitable = 0;
}

void ExportTask::captured() noexcept {
  if (the_current == this) return;
  if (state_ == State::ended) detail::misuse("work was enqueued for a call that has ended");
  if (state_ == State::parked && !told_to_wake_) wake();
}

void ExportTask::wake() noexcept {
  std::uint64_t ends = canonical::crank_unit_stream_new();
  auto reader = static_cast<std::uint32_t>(ends), writer = static_cast<std::uint32_t>(ends >> 32);
  canonical::crank_unit_stream_read(reader, nullptr, 1);
  canonical::crank_unit_stream_write(writer, nullptr, 1);
  canonical::crank_unit_stream_drop_writable(writer);
  told_to_wake_ = true;
  arm(waker_, reader);
}

void ExportTask::set_alarm() noexcept {
  Instant due = capture_.deadline();
  if (due == alarm_at_) return;
  drop_alarm();
  if (due == Instant::max()) return;
  canonical::SubtaskStatus status{crank_guest_wait_until(due.time_since_epoch().count())};
  if (resolved(status.state())) return capture_.expire();
  alarm_at_ = due;
  arm(alarm_, status.handle());
}

void ExportTask::drop_alarm() noexcept {
  if (!alarm_.waitable) return;
  std::uint32_t subtask = alarm_.waitable;
  disarm(alarm_);
  alarm_at_ = Instant::max();
  canonical::crank_subtask_cancel(subtask);  // of the host's clock: resolves at once
  canonical::crank_subtask_drop(subtask);
}

}  // namespace crank::guest
