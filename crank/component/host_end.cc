#include "crank/component/host_end.h"

#include "crank/component/root_state.h"

namespace crank::component::detail {

using crank::detail::LockGuard;

HostEnd::HostEnd(Ref<Shared> shared, EntryKind kind) {
  end.kind = kind;
  end.shared = std::move(shared);
  end.host = this;
  end.on_host_event = on_event;
  attach_outside(*end.shared);
}

HostEnd::~HostEnd() { close(end.kind == EntryKind::writable_future && end.state != CopyState::done); }

void HostEnd::on_event(End& e) noexcept {
  HostEnd& self = *e.host;
  std::unique_ptr<Continuation<bool>> waiting;
  Ref<HostEnd> kept;
  {
    LockGuard guard(self.lock_);
    waiting = std::move(self.waiting_);
    kept = std::move(self.keep_);
  }
  if (waiting) waiting->resume(true);
}

void HostEnd::close(bool died) {
  if (closed) return;
  closed = true;
  {
    LockGuard guard(shared().lock);
    if (shared().pending == &end) shared().pending = nullptr;
    if (shared().second == &end) shared().second = nullptr;
    end.wants_loan = false;
  }
  drop_side(shared(), died, nullptr);
  detach_outside(shared());
}

Task<Result<void>> HostEnd::perform() {
  if (closed) co_return fail(Code::bad_state, "this end of the stream or future has been closed");
  end.progress = 0;
  end.result = CopyResult::completed;
  std::optional<Error> refused;
  auto cancel = [this]() noexcept {
    std::unique_ptr<Continuation<bool>> waiting;
    {
      LockGuard guard(shared().lock);
      if (end.notified || shared().transferring || (shared().pending != &end && shared().second != &end)) return;
      if (shared().pending == &end) shared().pending = nullptr;
      if (shared().second == &end) shared().second = nullptr;
      end.wants_loan = false;
      LockGuard inner(lock_);
      waiting = std::move(waiting_);
    }
    if (waiting) waiting->resume(false);
  };
  std::optional<crank::detail::ScopedHandler<decltype(cancel)>> handler;
  const bool over = co_await with_continuation<bool>([&](Continuation<bool> done) {
    {
      LockGuard guard(lock_);
      waiting_ = std::make_unique<Continuation<bool>>(std::move(done));
    }
    auto started = start_copy(end, nullptr);
    if (!started) refused = std::move(started).error();
    if (refused || *started) {
      std::unique_ptr<Continuation<bool>> waiting;
      {
        LockGuard guard(lock_);
        waiting = std::move(waiting_);
      }
      if (waiting) waiting->resume(true);
      return;
    }
    handler.emplace(cancel);
  });
  if (refused) co_return fail(*std::move(refused));
  if (!over) co_return fail(Code::cancelled, "the stream operation was taken back because its task was cancelled");
  co_return Result<void>();
}

void HostEnd::perform_unattended() {
  end.progress = 0;
  end.result = CopyResult::completed;
  {
    LockGuard guard(lock_);
    keep_ = Ref<HostEnd>::retain(this);
  }
  auto started = start_copy(end, nullptr);
  if (started && !*started) return;
  Ref<HostEnd> kept;
  LockGuard guard(lock_);
  kept = std::move(keep_);
}

Task<Result<bool>> HostEnd::wait_for_loan() {
  end.wants_loan = true;
  end.base = nullptr;
  end.length = 1;  // a wish for something, so that a zero-length operation of the guest is answered at once
  auto done = co_await perform();
  end.wants_loan = false;
  if (!done) co_return fail(std::move(done).error());
  LockGuard guard(shared().lock);
  End* o = shared().loaned;
  if (o && o->owner) {
    pinned = o->owner->root;
    pinned->retain();
    pinned->pins.fetch_add(1, std::memory_order_acq_rel);
  }
  co_return o != nullptr;
}

}  // namespace crank::component::detail
