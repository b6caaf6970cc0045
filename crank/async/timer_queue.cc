#include "crank/async/timer_queue.h"

#include "crank/async/runtime.h"

namespace crank {

TimerQueue::TimerQueue(Runtime& runtime) noexcept : runtime_(runtime) {
  job_.queue = this;
  job_.run = [](Job* job) noexcept { static_cast<FireJob*>(job)->queue->fire_due(); };
}
TimerQueue::~TimerQueue() = default;

void TimerQueue::place(std::uint32_t slot, const Entry& entry) noexcept {
  heap_[slot] = entry;
  known_[entry.number].slot = slot;
}

void TimerQueue::sift_up(std::uint32_t slot) noexcept {
  Entry entry = heap_[slot];
  while (slot > 0) {
    std::uint32_t above = (slot - 1) / 4;
    if (!entry.before(heap_[above])) break;
    place(slot, heap_[above]);
    slot = above;
  }
  place(slot, entry);
}

void TimerQueue::sift_down(std::uint32_t slot) noexcept {
  Entry entry = heap_[slot];
  auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    std::uint32_t first = slot * 4 + 1, best = first;
    if (first >= size) break;
    for (std::uint32_t child = first + 1; child < size && child < first + 4; ++child)
      if (heap_[child].before(heap_[best])) best = child;
    if (!heap_[best].before(entry)) break;
    place(slot, heap_[best]);
    slot = best;
  }
  place(slot, entry);
}

void TimerQueue::arm_locked() noexcept {
  Instant earliest = heap_.empty() ? Instant::max() : heap_.front().when;
  if (earliest == armed_) return;
  // A later instant is armed only when the job has fired: an early wake-up for a removed timer is harmless and rare, a
  // call of the hook for each cancelled sleep would not be.
  if (earliest > armed_) return;
  armed_ = earliest;
  runtime_.hooks_.enqueue_delayed(runtime_.hooks_.context, job_, earliest);
}

void TimerQueue::add(Timer& timer, Instant when, Duration tolerance) {
  detail::LockGuard guard(lock_);
  // With tolerance the timer moves onto an instant already armed in its window, and so shares that wake-up.
  if (tolerance > Duration::zero() && armed_ > when && armed_ != Instant::max() && armed_ - when <= tolerance)
    when = armed_;
  std::uint32_t number = free_;
  if (number == Timer::idle) {
    number = static_cast<std::uint32_t>(known_.size());
    known_.push_back({});
  } else {
    free_ = known_[number].slot;
  }
  known_[number].timer = &timer;
  timer.number_ = number;
  heap_.push_back({when, order_++, number});
  sift_up(static_cast<std::uint32_t>(heap_.size() - 1));
  arm_locked();
}

void TimerQueue::forget(std::uint32_t number) noexcept {
  known_[number] = {nullptr, free_};
  free_ = number;
}

bool TimerQueue::remove(Timer& timer) noexcept {
  detail::LockGuard guard(lock_);
  if (timer.number_ == Timer::idle) return false;
  std::uint32_t slot = known_[timer.number_].slot;
  forget(timer.number_);
  timer.number_ = Timer::idle;
  Entry last = heap_.back();
  heap_.pop_back();
  if (slot < heap_.size()) {
    place(slot, last);
    sift_up(slot);
    sift_down(known_[last.number].slot);
  }
  return true;
}

Timer& TimerQueue::take_first() noexcept {
  std::uint32_t number = heap_.front().number;
  Timer& timer = *known_[number].timer;
  __builtin_prefetch(&timer, 1);
  forget(number);
  Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) {
    heap_.front() = last;
    sift_down(0);
  }
  return timer;
}

std::size_t TimerQueue::size() noexcept {
  detail::LockGuard guard(lock_);
  return heap_.size();
}

void TimerQueue::fire_due() noexcept {
  Instant now = runtime_.now();
  lock_.lock();
  armed_ = Instant::max();
  // Not all that is due at once: what a few hundred timers woke should run while it is in the cache. The rest is armed again,
  // at an instant that has passed.
  for (int rounds = 0; rounds < 8 && !heap_.empty() && heap_.front().when <= now; ++rounds) {
    // Taken in batches, fired without the lock: firing enqueues and may add timers.
    Timer* due[32];
    std::size_t count = 0;
    while (count < 32 && !heap_.empty() && heap_.front().when <= now) due[count++] = &take_first();
    for (std::size_t i = 0; i < count; ++i) due[i]->number_ = Timer::idle;
    lock_.unlock();
    for (std::size_t i = 0; i < count; ++i) due[i]->fire(*due[i]);
    lock_.lock();
  }
  arm_locked();
  lock_.unlock();
}

}  // namespace crank
