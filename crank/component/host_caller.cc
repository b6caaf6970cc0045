#include "crank/component/host_caller.h"

#include <atomic>
#include <mutex>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/runtime.h"
#include "crank/component/root_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

// Outlives the task's frame while a timer fires.
struct HostCaller::Shared {
  std::atomic<std::uint32_t> references{1};
  RootState& root;
  Call& call;
  CallOptions options;
  std::optional<Continuation<Result<Value>>> done;
  std::atomic<bool> answered{false}, timed_out{false};
  struct Deadline : Timer {
    using Timer::Timer;
    Shared* shared = nullptr;
  } ask, end;

  Shared(RootState& r, Call& c, CallOptions o) : root(r), call(c), options(o) { root.retain(); }
  ~Shared() {
    release_call(call);
    root.release();
  }
  void retain() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void request_cancel() noexcept {
    if (answered.load(std::memory_order_acquire) || cancel_posted.exchange(true)) return;
    post_to_callee(call.cancel_message, call, [](Call& c) {
      Group& group = group_of(c);
      if (c.finished || c.callee_resolved() || group.root.dead()) return;
      if (auto r = request_cancellation(c, nullptr); !r) group.root.die(std::move(r).error(), &c);
    });
  }
  std::atomic<bool> cancel_posted{false};

  static void on_ask(Timer& timer) noexcept {
    Shared& s = *static_cast<Deadline&>(timer).shared;
    s.timed_out = true;
    s.request_cancel();
    s.release();
  }
  static void on_end(Timer& timer) noexcept {
    Shared& s = *static_cast<Deadline&>(timer).shared;
    if (!s.answered.load(std::memory_order_acquire))
      s.root.die(Error(Code::deadline, concat("the call of ", s.call.lift->spec->name,
                                              " did not end in time, nor when it was asked to; its root was ended")));
    s.release();
  }
  void arm() {
    if (!options.timeout) return;
    retain(), retain();
    ask.fire = on_ask;
    end.fire = on_end;
    ask.shared = end.shared = this;
    const Instant at = root.runtime.now() + *options.timeout;
    root.runtime.timers().add(ask, at);
    root.runtime.timers().add(end, at + options.grace);
  }
  void disarm() {
    if (!options.timeout) return;
    if (root.runtime.timers().remove(ask)) release();
    if (root.runtime.timers().remove(end)) release();
  }
};

HostCaller::HostCaller(LiftState& lift, bool counted, std::vector<Value> arguments, CallOptions options) {
  Call* c = new Call;
  c->kind = EntryKind::subtask;
  c->lift = &lift;
  c->arguments = std::move(arguments);
  c->lifted = true;
  c->counted = counted;
  c->references.store(2, std::memory_order_relaxed);
  shared_ = new Shared(*lift.instance->root, *c, options);
}

HostCaller::~HostCaller() { shared_->release(); }

namespace {

void start_now_or_later(Call& c, RootState& root) {
  Group& group = group_of(c);
  if (!group.actor->try_enter()) {
    post_to_callee(c.start_message, c, deliver_start);
    return;
  }
  root.retain();
  root.domain().begin();
  deliver_start(c);
  group.end_nested_turn();
}

}  // namespace

Task<Result<Value>> HostCaller::run() {
  Shared& s = *shared_;
  Call& c = s.call;
  s.root.host_calls.fetch_add(1, std::memory_order_relaxed);
  s.root.domain().begin();
  s.root.domain().add_waiting(c);
  s.arm();
  auto stop = on_cancel([&s]() noexcept { s.request_cancel(); });
  Result<Value> result = co_await with_continuation<Result<Value>>([&](Continuation<Result<Value>> done) {
    s.done.emplace(std::move(done));
    c.host_context = &s;
    s.retain();
    c.on_resolved = [](Call& call) noexcept {
      Shared& shared = *static_cast<Shared*>(call.host_context);
      shared.answered.store(true, std::memory_order_release);
      shared.root.domain().remove_waiting(call);
      Continuation<Result<Value>> resume = std::move(*shared.done);
      if (call.failure) {
        resume.resume(fail(*call.failure));
      } else if (call.outcome != SubtaskState::returned) {
        const bool late = shared.timed_out.load();
        resume.resume(fail(late ? Code::deadline : Code::cancelled,
                           concat("the call of ", call.lift->spec->name,
                                  late ? " did not end in time and was cancelled" : " was cancelled")));
      } else {
        resume.resume(Result<Value>(std::move(call.result)));
      }
      shared.release();
    };
    start_now_or_later(c, s.root);
    s.root.domain().end();
  });
  s.disarm();
  s.root.host_calls.fetch_sub(1, std::memory_order_relaxed);
  co_return result;
}

}  // namespace crank::component::detail
