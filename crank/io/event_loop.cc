#include "crank/io/event_loop.h"

#include <boost/asio/post.hpp>

#include "crank/io/asio_internal.h"

namespace crank::io {
namespace {

constexpr auto sweep_interval = std::chrono::milliseconds(100);
thread_local EventLoop* current_loop = nullptr;

class Entered {
 public:
  explicit Entered(EventLoop* loop) : before_(std::exchange(current_loop, loop)) {}
  ~Entered() { current_loop = before_; }

 private:
  EventLoop* before_;
};

}  // namespace

Deferred::~Deferred() {
  if (loop_) loop_->cancel_deferred(*this);
}
Watched::~Watched() {
  if (watcher_) watcher_->unwatch(*this);
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() {
  // Handlers that are still queued own connections, and those use this loop while they go.
  Entered entered(this);
  impl_->work.reset();
  impl_.reset();
}

EventLoop* EventLoop::current() noexcept { return current_loop; }
void EventLoop::adopt_thread() noexcept { current_loop = this; }

void EventLoop::post(Callback job) {
  asio::post(impl_->context, [job = std::move(job)]() mutable { job(); });
}

void EventLoop::wake() noexcept {
  // One pending wake is enough for any number of callers; cleared by the handler itself, so none is lost.
  if (!impl_->wake_pending.exchange(true, std::memory_order_acq_rel))
    asio::post(impl_->context, [impl = impl_.get()] { impl->wake_pending.store(false, std::memory_order_release); });
}

std::size_t EventLoop::poll() {
  Entered entered(this);
  end_turn();
  std::size_t ran = 0;
  while (impl_->context.poll_one()) {
    ++ran;
    end_turn();
  }
  return ran;
}

void EventLoop::wait(std::optional<Clock::time_point> until) {
  Entered entered(this);
  end_turn();
  // One completion a call: the next ones are taken from Asio's queue without asking the kernel again.
  if (until)
    impl_->context.run_one_until(*until);
  else
    impl_->context.run_one();
  end_turn();
}

void EventLoop::run() {
  while (!impl_->stopping.load(std::memory_order_acquire)) wait();
}
void EventLoop::stop() noexcept {
  impl_->stopping.store(true, std::memory_order_release);
  wake();
}

void EventLoop::at_turn_end(Deferred& what) noexcept {
  if (what.loop_) return;
  what.loop_ = this;
  what.previous_ = deferred_last_;
  what.next_ = nullptr;
  (deferred_last_ ? deferred_last_->next_ : deferred_first_) = &what;
  deferred_last_ = &what;
}

void EventLoop::cancel_deferred(Deferred& what) noexcept {
  if (what.loop_ != this) return;
  (what.previous_ ? what.previous_->next_ : deferred_first_) = what.next_;
  (what.next_ ? what.next_->previous_ : deferred_last_) = what.previous_;
  what.loop_ = nullptr;
}

void EventLoop::end_turn() {
  while (Deferred* first = deferred_first_) {
    cancel_deferred(*first);
    first->run_deferred();
  }
}

void EventLoop::watch(Watched& what) {
  if (what.watcher_) return;
  what.watcher_ = this;
  what.previous_ = nullptr;
  what.next_ = watched_;
  if (watched_) watched_->previous_ = &what;
  watched_ = &what;
  if (!impl_->sweeping) sweep();
}

void EventLoop::unwatch(Watched& what) noexcept {
  if (what.watcher_ != this) return;
  (what.previous_ ? what.previous_->next_ : watched_) = what.next_;
  if (what.next_) what.next_->previous_ = what.previous_;
  what.watcher_ = nullptr;
}

void EventLoop::sweep() {
  impl_->sweeping = watched_ != nullptr;
  if (!impl_->sweeping) return;
  impl_->sweeper.expires_after(sweep_interval);
  impl_->sweeper.async_wait([this](error_code error) {
    if (error) return;
    const auto now = Clock::now();
    // on_deadline may remove any entry, so the walk starts again after each one that fired.
    for (bool again = true; again;) {
      again = false;
      for (Watched* w = watched_; w; w = w->next_) {
        if (w->deadline_ > now) continue;
        w->deadline_ = Clock::time_point::max();
        w->on_deadline();
        again = true;
        break;
      }
    }
    sweep();
  });
}

// The handler holds the state, so that a fired but not yet run handler survives its Timer and sees the generation.
struct Timer::State {
  explicit State(EventLoop& loop) : timer(loop.impl().context) {}
  asio::steady_timer timer;
  Callback fire;
  std::uint64_t generation = 0;
};

Timer::Timer(EventLoop& loop) : state_(std::make_shared<State>(loop)) {}
Timer::~Timer() { cancel(); }
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Timer::start(Clock::time_point when, Callback fire) {
  state_->fire = std::move(fire);
  const auto generation = ++state_->generation;
  state_->timer.expires_at(when);
  state_->timer.async_wait([state = state_, generation](error_code error) {
    if (error || generation != state->generation) return;
    if (auto job = std::exchange(state->fire, nullptr)) job();
  });
}

void Timer::cancel() noexcept {
  if (!state_) return;
  ++state_->generation;
  state_->fire = nullptr;
  state_->timer.cancel();
}

}  // namespace crank::io
