#include "crank/guest/component_wait.h"

#include "crank/async/misuse.h"

namespace crank::guest {

Waitable::Waitable(std::uint32_t handle, Cancel cancel) noexcept
    : Waiter([](Waiter& self, std::uint32_t payload) noexcept { static_cast<Waitable&>(self).finish(payload); }),
      CancellationHandler([](CancellationHandler& self) noexcept {
        auto& waitable = static_cast<Waitable&>(self);
        if (waitable.done_) return;
        // A synchronous cancel wants the waitable out of every set.
        waitable.call_->disarm(waitable);
        std::uint32_t outcome = waitable.cancel_(waitable.handle_);
        if (outcome == canonical::blocked)
          waitable.call_->arm(waitable, waitable.handle_);
        else
          waitable.finish(outcome);
      }),
      handle_(handle),
      cancel_(cancel) {}

void Waitable::await_suspend(std::coroutine_handle<> here) noexcept {
  call_ = &ExportTask::current();
  task_ = &crank::detail::suspend_current(here);
  call_->arm(*this, handle_);
  attach(*task_);
}

void Waitable::finish(std::uint32_t outcome) noexcept {
  outcome_ = outcome;
  done_ = true;
  if (task_) crank::detail::resume_later(*task_);
}

void Waitable::take_back() noexcept {
  std::uint32_t outcome = cancel_(handle_);
  if (outcome == canonical::blocked) crank::detail::misuse("a call or copy under way was dropped instead of awaited");
  done_ = true;
}

Subtask::Subtask(std::uint32_t status) noexcept
    : Waitable(canonical::SubtaskStatus{status}.handle(), canonical::crank_subtask_cancel) {
  auto state = canonical::SubtaskStatus{status}.state();
  if (canonical::resolved(state)) {
    outcome_ = static_cast<std::uint32_t>(state);
    done_ = true;
  }
}

Subtask::~Subtask() {
  if (!done_) take_back();
  if (handle_) canonical::crank_subtask_drop(handle_);
}

bool Subtask::await_resume() noexcept {
  return static_cast<canonical::SubtaskState>(outcome_) == canonical::SubtaskState::returned;
}

Copy::Copy(std::uint32_t end, std::uint32_t status, Cancel cancel, bool& ended) noexcept
    : Waitable(end, cancel), ended_(ended) {
  if (status == canonical::blocked) return;
  outcome_ = status;
  done_ = true;
}

Copy::Copy(bool& ended) noexcept : Waitable(0, nullptr), ended_(ended) {
  outcome_ = static_cast<std::uint32_t>(canonical::CopyResult::dropped);
  done_ = true;
}

Copied Copy::await_resume() noexcept {
  canonical::CopyStatus status{outcome_};
  if (status.result() == canonical::CopyResult::dropped) ended_ = true;
  return {.count = status.count(), .ended = ended_, .cancelled = status.result() == canonical::CopyResult::cancelled};
}

}  // namespace crank::guest
