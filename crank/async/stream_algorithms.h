// The few algorithms over streams that people reach for. Each reads its stream in a child of the given group, so that it ends
// with the scope, and answers a stream of its own. It is at most two values ahead of its reader, one in the buffer and one in
// hand, so a bounded source waits for who reads at the end. What a function throws, or the stream it reads ends with, is
// thrown at its reader, after what was read before.
//
//     co_await crank::with_group<>([&](this auto, auto& group) -> crank::Task<> {
//       auto even = crank::filter(group, std::move(numbers), [](int n) { return n % 2 == 0; });
//       auto calm = crank::debounce(group, std::move(even), 300ms);
//       while (auto n = co_await calm.next()) show(*n);
//     });
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "crank/async/child_task.h"
#include "crank/async/group.h"
#include "crank/async/runtime.h"
#include "crank/async/stream.h"
#include "crank/async/timer_queue.h"

namespace crank {
namespace detail {

template <class In, class Out, class Function, Exceptions = default_exceptions>
Task<> map_stream(Stream<In> in, StreamSource<Out> out, Function function) {
  while (auto value = co_await in.next())
    if (!co_await out.send(function(*std::move(value)))) break;
}
template <class T, class Predicate, Exceptions = default_exceptions>
Task<> filter_stream(Stream<T> in, StreamSource<T> out, Predicate predicate) {
  while (auto value = co_await in.next())
    if (predicate(std::as_const(*value)) && !co_await out.send(*std::move(value))) break;
}
template <class T, Exceptions = default_exceptions>
Task<> forward_stream(Stream<T> in, StreamSource<T> out) {
  while (auto value = co_await in.next())
    if (!co_await out.send(*std::move(value))) break;
}

template <class T>
struct Timed {
  std::optional<T> value;
  bool expired;  // none because the time has come, and not because the stream has ended
};
/// The next value, or its time. Throws nothing. The timer is one more canceller of the wait (channel_core.h): armed before
/// the waiter is linked, it sets `stop`, then unlinks.
template <class T>
class [[nodiscard("co_await it")]] NextUntil : public Receive<T>, Timer {
 public:
  NextUntil(StreamShared<T>& shared, Instant when) noexcept : Receive<T>(shared), Timer(expire), when_(when) {}
  bool await_suspend(std::coroutine_handle<> here) noexcept {
    return this->wait(here, [this] {
      if (when_ != Instant::max()) {
        timers_ = &this->waiter_.task->runtime->timers();
        timers_->add(*this, when_);
      }
      return !this->core_.pop_or_wait(this->waiter_);
    });
  }
  Timed<T> await_resume() {
    bool expired = timers_ && !timers_->remove(*this);
    while (expired && !over_.load(std::memory_order_acquire)) wait_a_little();
    std::optional<T> value = Receive<T>::await_resume();
    expired = expired && !value;
    return {std::move(value), expired};
  }

 private:
  static void expire(Timer& timer) noexcept {
    auto& self = static_cast<NextUntil&>(timer);
    TaskRecord& task = *self.waiter_.task;
    self.waiter_.stop.store(true, std::memory_order_relaxed);
    bool unlinked = self.core_.unlink(self.waiter_, false);
    self.over_.store(true, std::memory_order_release);  // who was resumed by another may now go
    if (unlinked) resume_later(task);
  }
  Instant when_;
  TimerQueue* timers_ = nullptr;
  std::atomic<bool> over_{false};
};

template <class T, Exceptions policy = default_exceptions>
Task<> debounce_stream(Stream<T> in, StreamSource<T> out, Duration quiet) {
  Runtime& runtime = *current_runtime();
  std::optional<T> held;
  for (Instant due = Instant::max();;) {
    auto [value, expired] = co_await NextUntil<T>(in.shared(), due);
    if (value) {
      held = std::move(value);
      due = runtime.now() + quiet;
      continue;
    }
    due = Instant::max();
    if (held && !co_await out.send(*std::exchange(held, std::nullopt))) co_return;
    if (!expired) break;
  }
  throw_failure<policy>(in.shared());
}

template <class T, Exceptions policy = default_exceptions>
Task<> chunk_stream(Stream<T> in, StreamSource<std::vector<T>> out, std::size_t most, Duration longest) {
  Runtime& runtime = *current_runtime();
  std::vector<T> chunk;
  for (Instant due = Instant::max();;) {
    auto [value, expired] = co_await NextUntil<T>(in.shared(), due);
    bool end = !value && !expired;
    if (value) {
      if (chunk.empty()) due = runtime.now() + longest;
      chunk.push_back(*std::move(value));
      // Where a value is always there nothing waits, and no timer fires.
      if (chunk.size() < most && runtime.now() < due) continue;
    }
    due = Instant::max();
    if (!chunk.empty() && !co_await out.send(std::exchange(chunk, {}))) co_return;
    if (end) break;
  }
  throw_failure<policy>(in.shared());
}

/// Runs the body of an algorithm. What it throws is the end of the stream it feeds: nobody else asks for the child's outcome.
template <class T, Exceptions = default_exceptions>
Task<> feed(StreamSource<T> out, Task<> body) {
  Settled<void> outcome(std::move(body));
  co_await outcome;
  if (outcome.result().failed()) out.fail(outcome.result().take_exception());
}

}  // namespace detail

/// `function` of each value, in order.
template <class G, class T, class Function>
auto map(G& group, Stream<T> in, Function function) {
  auto [out, stream] = make_stream<std::invoke_result_t<Function&, T>>(Buffering::bounded(1));
  group.spawn(detail::feed(out, detail::map_stream(std::move(in), out, std::move(function))));
  return std::move(stream);
}
/// Those values that `predicate` holds for.
template <class G, class T, class Predicate>
Stream<T> filter(G& group, Stream<T> in, Predicate predicate) {
  auto [out, stream] = make_stream<T>(Buffering::bounded(1));
  group.spawn(detail::feed(out, detail::filter_stream(std::move(in), out, std::move(predicate))));
  return std::move(stream);
}
/// The values of all streams as they come; ends when all have ended, or with the first failure.
template <class G, class T, class... More>
Stream<T> merge(G& group, Stream<T> first, Stream<More>... others) {
  auto [out, stream] = make_stream<T>(Buffering::bounded(1));
  group.spawn(detail::feed(out, detail::forward_stream(std::move(first), out)));
  (group.spawn(detail::feed(out, detail::forward_stream(std::move(others), out))), ...);
  return std::move(stream);
}
/// A value once no newer one has come for `quiet`; the last one also at the end.
template <class G, class T>
Stream<T> debounce(G& group, Stream<T> in, Duration quiet) {
  auto [out, stream] = make_stream<T>(Buffering::bounded(1));
  group.spawn(detail::feed(out, detail::debounce_stream(std::move(in), out, quiet)));
  return std::move(stream);
}
/// Values in chunks: of `most` values, or of what came within `longest` of the chunk's first. Ahead by two chunks at most.
template <class G, class T>
Stream<std::vector<T>> chunk(G& group, Stream<T> in, std::size_t most, Duration longest) {
  auto [out, stream] = make_stream<std::vector<T>>(Buffering::bounded(1));
  group.spawn(detail::feed(out, detail::chunk_stream(std::move(in), out, most, longest)));
  return std::move(stream);
}

}  // namespace crank
