#include "crank/async/sleep.h"

#include "crank/async/misuse.h"
#include "crank/async/trace.h"

namespace crank {

detail::SleepAwaiter sleep_for(Duration duration, Duration tolerance) noexcept {
  Runtime* runtime = current_runtime();
  if (!runtime) detail::misuse("sleep_for outside of any task");
  return detail::SleepAwaiter(runtime->now() + duration, tolerance);
}

namespace detail {

bool SleepAwaiter::await_ready() noexcept {
  cut_ = is_cancelled();
  return cut_;
}

// Rules
//  1  The timer, the canceller and the suspender meet in `state_`: arming until both registrations are done.
//  2  Whoever changes asleep -> over resumes the task. The suspender changes arming -> asleep last; when a wake came before
//     that, the state is over already and the suspender goes on itself.
bool SleepAwaiter::await_suspend(std::coroutine_handle<> here) noexcept {
  TaskRecord& task = suspend_current(here);
  wakes = &task;
  trace(TraceEvent::suspended, &task, {}, task.executor);
  task.runtime->timers().add(*this, when_, tolerance_);
  attach(task);
  State arming = State::arming;
  if (state_.compare_exchange_strong(arming, State::asleep, std::memory_order_acq_rel, std::memory_order_acquire))
    return true;
  unsuspend(task);
  return false;
}

SleepOutcome SleepAwaiter::await_resume() noexcept {
  detach();
  return cut_ ? SleepOutcome::cancelled : SleepOutcome::elapsed;
}

void SleepAwaiter::on_fire(Timer& timer) noexcept {
  auto& self = static_cast<SleepAwaiter&>(timer);
  TaskRecord* task = self.wakes;
  if (self.state_.exchange(State::over, std::memory_order_acq_rel) == State::asleep) resume_later(*task);
}

void SleepAwaiter::on_cancelled(CancellationHandler& handler) noexcept {
  auto& self = static_cast<SleepAwaiter&>(handler);
  // Only one of timer and canceller passes: the queue says which.
  if (!self.wakes->runtime->timers().remove(self)) return;
  self.cut_ = true;
  TaskRecord* task = self.wakes;
  if (self.state_.exchange(State::over, std::memory_order_acq_rel) == State::asleep) resume_later(*task);
}

}  // namespace detail
}  // namespace crank
