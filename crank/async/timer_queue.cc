#include "crank/async/timer_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "crank/async/runtime.h"
#include "crank/async/task_record.h"

namespace crank {

TimerQueue::TimerQueue(Runtime& runtime) noexcept : runtime_(runtime) {
  job_.queue = this;
  job_.run = [](Job* job) noexcept { static_cast<FireJob*>(job)->queue->fire_due(); };
  lists_.fill(none);
}
TimerQueue::~TimerQueue() = default;

// ---- the heap

void TimerQueue::place(std::uint32_t slot, const Entry& entry) noexcept {
  heap_[slot] = entry;
  known_[entry.number].next = slot;
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

void TimerQueue::push_heap(std::uint32_t number) {
  Known& known = known_[number];
  known.where = in_heap;
  heap_.push_back({known.when, known.order, number});
  sift_up(static_cast<std::uint32_t>(heap_.size() - 1));
}

void TimerQueue::remove_from_heap(std::uint32_t slot) noexcept {
  Entry last = heap_.back();
  heap_.pop_back();
  if (slot == heap_.size()) return;
  place(slot, last);
  sift_up(slot);
  sift_down(known_[last.number].next);
}

Timer& TimerQueue::take_first() noexcept {
  std::uint32_t number = heap_.front().number;
  Timer& timer = *known_[number].timer;
  __builtin_prefetch(&timer, 1);
  Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) {
    heap_.front() = last;
    sift_down(0);
  }
  forget(number);
  return timer;
}

// ---- the wheel

std::uint32_t TimerQueue::slot_of(Instant when) const noexcept {
  std::uint64_t tick = tick_of(when), differs = tick ^ horizon_;
  unsigned level = differs ? (63u - static_cast<unsigned>(std::countl_zero(differs))) / digit_bits : 0;
  return level * slots + static_cast<unsigned>(tick >> (level * digit_bits)) % slots;
}

void TimerQueue::link(std::uint32_t number) noexcept {
  Known& known = known_[number];
  known.where = slot_of(known.when);
  std::uint32_t& head = lists_[known.where];
  known.next = head;
  known.previous = none;
  if (head != none) known_[head].previous = number;
  head = number;
  occupied_[known.where / slots] |= std::uint64_t{1} << known.where % slots;
}

void TimerQueue::unlink(std::uint32_t number) noexcept {
  Known& known = known_[number];
  if (known.next != none) known_[known.next].previous = known.previous;
  if (known.previous != none) {
    known_[known.previous].next = known.next;
    return;
  }
  lists_[known.where] = known.next;
  if (known.next == none) occupied_[known.where / slots] &= ~(std::uint64_t{1} << known.where % slots);
}

// Everything of the slot finds its place anew, after the horizon has moved.
void TimerQueue::empty_slot(unsigned level, unsigned index) noexcept {
  occupied_[level] &= ~(std::uint64_t{1} << index);
  std::uint32_t number = std::exchange(lists_[level * slots + index], none);
  if (looked_through_ == level * slots + index) looked_through_ = none;
  while (number != none) {
    std::uint32_t next = known_[number].next;
    if (tick_of(known_[number].when) < horizon_)
      push_heap(number);
    else
      link(number);
    number = next;
  }
}

void TimerQueue::advance(std::uint64_t horizon) noexcept {
  if (!has_wheel || horizon <= horizon_) return;
  std::uint64_t differs = horizon ^ horizon_;
  unsigned top = (63u - static_cast<unsigned>(std::countl_zero(differs))) / digit_bits;
  horizon_ = horizon;
  // By rule 2: all of the levels below is before the new horizon, and on the top one whatever is before its digit there; the
  // slot of that digit is divided among the levels below.
  for (unsigned level = 0; level < top; ++level)
    while (occupied_[level]) empty_slot(level, static_cast<unsigned>(std::countr_zero(occupied_[level])));
  auto digit = static_cast<unsigned>(horizon >> (top * digit_bits)) % slots;
  std::uint64_t passed = occupied_[top] & (((std::uint64_t{1} << digit) << 1) - 1);
  for (; passed; passed &= passed - 1) empty_slot(top, static_cast<unsigned>(std::countr_zero(passed)));
}

bool TimerQueue::first_slot(Slot& slot) const noexcept {
  for (unsigned level = 0; level < levels; ++level) {
    if (!occupied_[level]) continue;
    slot = {level, static_cast<unsigned>(std::countr_zero(occupied_[level]))};
    return true;
  }
  return false;
}

// ---- both

std::uint32_t TimerQueue::new_number() {
  std::uint32_t number = free_;
  if (number == none) {
    number = static_cast<std::uint32_t>(known_.size());
    known_.push_back({});
  } else {
    free_ = known_[number].next;
  }
  return number;
}

void TimerQueue::forget(std::uint32_t number) noexcept {
  Timer& timer = *known_[number].timer;
  timer.number_ = Timer::idle;
  if (timer.window_ != 0) [[unlikely]]
    --tolerant_;
  known_[number].next = free_;
  free_ = number;
  --size_;
}

void TimerQueue::arm(Instant earliest) noexcept {
  // A later instant is armed only when the job has fired: an early wake-up for a removed timer is harmless and rare, a
  // call of the hook for each cancelled sleep would not be.
  if (earliest >= armed_) return;
  armed_ = earliest;
  runtime_.hooks_.enqueue_delayed(runtime_.hooks_.context, job_, earliest);
}

// Takes the first of a slot that is far away, and no more, so that the horizon does not run ahead of the clock.
void TimerQueue::look_through(std::uint32_t where) noexcept {
  std::uint32_t first = lists_[where];
  for (std::uint32_t number = known_[first].next; number != none; number = known_[number].next) {
    const Known &one = known_[number], &best = known_[first];
    if (Entry{one.when, one.order, 0}.before({best.when, best.order, 0})) first = number;
  }
  looked_through_ = where;
  floor_ = known_[first].when;
  unlink(first);
  push_heap(first);
}

Instant TimerQueue::find_earliest() noexcept {
  Slot slot;
  if (has_wheel && first_slot(slot)) {
    unsigned shift = slot.level * digit_bits;
    std::uint64_t above = (horizon_ >> shift) & ~std::uint64_t{slots - 1};
    std::uint64_t begins = (above | slot.index) << shift;
    std::uint32_t where = slot.level * slots + slot.index;
    if (heap_.empty() || tick_of(heap_.front().when) >= begins) {
      if (slot.level == 0)
        advance(begins + 1);
      else if (looked_through_ != where || heap_.empty() || heap_.front().when > floor_)
        look_through(where);
    }
  }
  return heap_.empty() ? Instant::max() : heap_.front().when;
}

void TimerQueue::add(Timer& timer, Instant when, Duration tolerance) {
  detail::LockGuard guard(lock_);
  timer.window_ = 0;
  if (tolerance > Duration::zero()) [[unlikely]] {
    tolerance = std::min(tolerance, Instant::max() - std::max(when, Instant{}));
    when += tolerance;
    timer.window_ = static_cast<std::uint32_t>(std::min<Duration::rep>(tolerance.count() >> tick_bits, 0xffff'ffff));
    tolerant_ += timer.window_ != 0;
  }
  std::uint32_t number = new_number();
  Known& known = known_[number];
  known.timer = &timer;
  known.when = when;
  known.order = order_++;
  timer.number_ = number;
  ++size_;
  bool later = has_wheel && tick_of(when) >= horizon_ && !heap_.empty() && when >= heap_.front().when;
  if (later && (when >= floor_ || slot_of(when) != looked_through_)) {
    link(number);
  } else {
    push_heap(number);
    arm(heap_.front().when);
  }
}

bool TimerQueue::remove(Timer& timer) noexcept {
  detail::LockGuard guard(lock_);
  std::uint32_t number = timer.number_;
  if (number == Timer::idle) return false;
  if (!has_wheel || known_[number].where == in_heap)
    remove_from_heap(known_[number].next);
  else
    unlink(number);
  forget(number);
  return true;
}

std::size_t TimerQueue::size() noexcept {
  detail::LockGuard guard(lock_);
  return size_;
}

// With a tolerance the first may fire once its window has begun. Behind the first nothing is looked for: whoever stands there
// has a later last moment, and so will find a wake-up that is later, that of the first.
bool TimerQueue::first_may_fire(Instant now) noexcept {
  if (!heap_.empty() && heap_.front().when <= now) return true;
  if (tolerant_ == 0) [[likely]]
    return false;
  if (find_earliest() == Instant::max()) return false;
  const Known& first = known_[heap_.front().number];
  return first.when - Duration(Duration::rep{first.timer->window_} << tick_bits) <= now;
}

void TimerQueue::fire_due() noexcept {
  Instant now = runtime_.now();
  lock_.lock();
  armed_ = Instant::max();
  advance(tick_of(now) + 1);
  // Not all that is due at once: what a few hundred timers woke should run while it is in the cache. The rest is armed again,
  // at an instant that has passed.
  for (int rounds = 0; rounds < 8 && first_may_fire(now); ++rounds) {
    // Taken in batches, fired without the lock: firing enqueues and may add timers.
    Timer* due[32];
    std::size_t count = 0;
    while (count < 32 && first_may_fire(now)) due[count++] = &take_first();
    lock_.unlock();
    for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(due[i]->wakes, 1);
    for (std::size_t i = 0; i < count; ++i) due[i]->fire(*due[i]);
    lock_.lock();
  }
  arm(find_earliest());
  lock_.unlock();
}

}  // namespace crank
