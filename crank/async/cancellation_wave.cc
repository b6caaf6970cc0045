#include "crank/async/cancellation_wave.h"

#include "crank/async/trace.h"

namespace crank {

void CancellationWave::enter(SpreadLink& link, bool as_handler) noexcept {
  if (!link.operations_.step(link, SpreadLink::Step::begin, *this)) {
    if (as_handler) link.state_.store(CancellationHandler::State::done, std::memory_order_release);
    return;
  }
  link.entered_as_handler_ = as_handler;
  link.next_in_wave_ = pending_;
  pending_ = &link;
}

void CancellationWave::run() noexcept {
  using Step = SpreadLink::Step;
  while (pending_) {
    SpreadLink* round = nullptr;
    for (unsigned count = 0; pending_ && count < width; ++count) {
      SpreadLink& link = *pending_;
      if (!link.operations_.step(link, round ? Step::try_close : Step::close, *this)) break;
      pending_ = link.next_in_wave_;
      link.next_in_wave_ = round;
      round = &link;
    }
    detail::BiasedLock::fence_after_announcing();
    bool any = false;
    for (SpreadLink* link = round; link; link = link->next_in_wave_)
      any |= link->operations_.step(*link, Step::mark, *this);
    if (any) detail::BiasedLock::fence_after_announcing();
    while (round) {
      SpreadLink& link = *round;
      round = link.next_in_wave_;
      bool as_handler = link.entered_as_handler_;
      link.operations_.step(link, Step::run, *this);
      // Not a handler: its keeper may end it from here on, if that is another thread.
      if (as_handler) link.state_.store(CancellationHandler::State::done, std::memory_order_release);
    }
  }
}

bool TaskRecord::mark_cancelled(std::uint32_t also) noexcept {
  std::uint32_t seen = status.load(std::memory_order_relaxed);
  do {
    if (seen & cancelled_bit) return false;
  } while (!status.compare_exchange_weak(seen, seen | cancelled_bit | also, std::memory_order_seq_cst,
                                         std::memory_order_relaxed));
  detail::trace(TraceEvent::cancelled, this);
  // The first handler is asked soon, and lies in a frame that nobody has looked at for long.
  auto first = reinterpret_cast<std::uintptr_t>(handlers.load(std::memory_order_relaxed));
  __builtin_prefetch(reinterpret_cast<const void*>(first - 32), 1);
  __builtin_prefetch(reinterpret_cast<const void*>(first + 32), 1);
  return true;
}

void TaskRecord::cancel() noexcept {
  if (!mark_cancelled()) return;
  detail::BiasedLock::fence_after_announcing();
  CancellationWave wave;
  run_handlers(wave);
  wave.run();
}

namespace {
struct Boundary final : CancellationHandler {
  Boundary() noexcept : CancellationHandler(Run{}) {}
};
}  // namespace

// One at a time and without the lock while it runs: a handler may detach others, or end itself. The boundary stands in the list
// meanwhile: before it are links, which stay for raises, after it is what was not looked at yet. Whoever attaches from now on
// sees the bit: nothing that is to be run is added any more.
void TaskRecord::run_handlers(CancellationWave& wave) noexcept {
  using State = CancellationHandler::State;
  using Kind = CancellationHandler::Kind;
  Boundary boundary;
  for (;;) {
    handlers_lock.lock_unbiased();
    std::atomic<CancellationHandler*>* place = &handlers;
    if (boundary.link_) {
      place = boundary.link_;
      boundary.unlink();
    }
    CancellationHandler* handler = place->load(std::memory_order_relaxed);
    // Nothing to do for what waits, and for what was attached under a shield.
    while (handler &&
           (handler->kind_ == Kind::waits || handler->state_.load(std::memory_order_relaxed) != State::listed)) {
      place = &handler->next_;
      handler = place->load(std::memory_order_relaxed);
    }
    bool last = true;
    if (handler) {
      handler->state_.store(State::running, std::memory_order_relaxed);
      if (handler->kind_ == Kind::plain)
        handler->unlink();
      else
        place = &handler->next_;
      last = place->load(std::memory_order_relaxed) == nullptr;
      if (!last) boundary.link_at(*place);
    }
    handlers_lock.unlock_other();
    if (!handler) return;
    if (handler->kind_ == Kind::spreads) {
      wave.add_handler(static_cast<SpreadLink&>(*handler));
    } else {
      detail::RunningHandler*& innermost = detail::thread_state().running_handlers;
      detail::RunningHandler running{handler, innermost};
      innermost = &running;
      handler->run_(*handler);
      innermost = running.outer;
      if (!running.gone) handler->state_.store(State::done, std::memory_order_release);
    }
    if (last) return;
  }
}

}  // namespace crank
