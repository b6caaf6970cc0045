// The few algorithms over streams that people reach for. Each reads its stream in a child of the given group, so that it ends
// with the scope, and answers a stream of its own.
//
//     co_await crank::with_group<>([&](this auto, auto& group) -> crank::Task<> {
//       auto even = crank::filter(group, std::move(numbers), [](int n) { return n % 2 == 0; });
//       auto calm = crank::debounce(group, std::move(even), 300ms);
//       while (auto n = co_await calm.next()) show(*n);
//     });
#pragma once

#include <chrono>
#include <utility>
#include <vector>

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

// Yields a mark into a stream of events when its time comes; restarted by every value.
template <class T>
struct Tick {
  std::optional<T> value;  // none: the time of `generation` has come
  std::uint64_t generation = 0;
  bool end = false;
};
template <class T>
class TickTimer : Timer {
 public:
  TickTimer(TimerQueue& queue, StreamSource<Tick<T>> events)
      : Timer(fire_tick), queue_(queue), events_(std::move(events)) {}
  ~TickTimer() { stop(); }
  void start(Instant when, std::uint64_t generation) {
    stop();
    generation_ = generation;
    over_.store(false, std::memory_order_relaxed);
    queue_.add(*this, when);
    armed_ = true;
  }
  void stop() noexcept {
    if (!armed_) return;
    armed_ = false;
    if (queue_.remove(*this)) return;
    while (!over_.load(std::memory_order_acquire)) wait_a_little();
  }

 private:
  static void fire_tick(Timer& timer) noexcept {
    auto& self = static_cast<TickTimer&>(timer);
    self.events_.yield({std::nullopt, self.generation_, false});
    self.over_.store(true, std::memory_order_release);
  }
  TimerQueue& queue_;
  StreamSource<Tick<T>> events_;
  std::uint64_t generation_ = 0;
  std::atomic<bool> over_{true};
  bool armed_ = false;
};

template <class T, Exceptions = default_exceptions>
Task<> feed_ticks(Stream<T> in, StreamSource<Tick<T>> events) {
  while (auto value = co_await in.next())
    if (!co_await events.send({std::move(value), 0, false})) co_return;
  events.yield({std::nullopt, 0, true});
}

template <class T, Exceptions = default_exceptions>
Task<> debounce_stream(Stream<Tick<T>> events, StreamSource<Tick<T>> ticks, StreamSource<T> out, Duration quiet) {
  Runtime& runtime = *current_runtime();
  std::optional<T> held;
  std::uint64_t generation = 0;
  TickTimer<T> timer(runtime.timers(), std::move(ticks));
  while (auto event = co_await events.next()) {
    if (event->value) {
      held = std::move(event->value);
      timer.start(runtime.now() + quiet, ++generation);
      continue;
    }
    if (!event->end && event->generation != generation) continue;  // overtaken by a newer value
    if (held && !co_await out.send(*std::exchange(held, std::nullopt))) co_return;
    if (event->end) co_return;
  }
}

template <class T, Exceptions = default_exceptions>
Task<> chunk_stream(Stream<Tick<T>> events, StreamSource<Tick<T>> ticks, StreamSource<std::vector<T>> out,
                    std::size_t most, Duration longest) {
  Runtime& runtime = *current_runtime();
  std::vector<T> chunk;
  std::uint64_t generation = 0;
  TickTimer<T> timer(runtime.timers(), std::move(ticks));
  while (auto event = co_await events.next()) {
    if (event->value) {
      if (chunk.empty()) timer.start(runtime.now() + longest, ++generation);
      chunk.push_back(*std::move(event->value));
      if (chunk.size() < most) continue;
    } else if (!event->end && event->generation != generation) {
      continue;
    }
    bool end = event->end;
    timer.stop();
    ++generation;
    if (!chunk.empty() && !co_await out.send(std::exchange(chunk, {}))) co_return;
    if (end) co_return;
  }
}

}  // namespace detail

/// `function` of each value, in order.
template <class G, class T, class Function>
auto map(G& group, Stream<T> in, Function function) {
  auto ends = make_stream<std::invoke_result_t<Function&, T>>(Buffering::bounded(1));
  group.spawn(detail::map_stream(std::move(in), std::move(ends.source), std::move(function)));
  return std::move(ends.stream);
}
/// Those values that `predicate` holds for.
template <class G, class T, class Predicate>
Stream<T> filter(G& group, Stream<T> in, Predicate predicate) {
  auto ends = make_stream<T>(Buffering::bounded(1));
  group.spawn(detail::filter_stream(std::move(in), std::move(ends.source), std::move(predicate)));
  return std::move(ends.stream);
}
/// The values of all streams as they come; ends when all have ended.
template <class G, class T, class... More>
Stream<T> merge(G& group, Stream<T> first, Stream<More>... others) {
  auto ends = make_stream<T>(Buffering::bounded(1));
  group.spawn(detail::forward_stream(std::move(first), ends.source));
  (group.spawn(detail::forward_stream(std::move(others), ends.source)), ...);
  return std::move(ends.stream);
}
/// A value once no newer one has come for `quiet`; the last one also at the end.
template <class G, class T>
Stream<T> debounce(G& group, Stream<T> in, Duration quiet) {
  auto events = make_stream<detail::Tick<T>>(Buffering::unbounded());
  auto ends = make_stream<T>(Buffering::bounded(1));
  group.spawn(detail::feed_ticks(std::move(in), events.source));
  group.spawn(
      detail::debounce_stream(std::move(events.stream), std::move(events.source), std::move(ends.source), quiet));
  return std::move(ends.stream);
}
/// Values in chunks: of `most` values, or of what came within `longest` of the chunk's first.
template <class G, class T>
Stream<std::vector<T>> chunk(G& group, Stream<T> in, std::size_t most, Duration longest) {
  auto events = make_stream<detail::Tick<T>>(Buffering::unbounded());
  auto ends = make_stream<std::vector<T>>(Buffering::bounded(1));
  group.spawn(detail::feed_ticks(std::move(in), events.source));
  group.spawn(
      detail::chunk_stream(std::move(events.stream), std::move(events.source), std::move(ends.source), most, longest));
  return std::move(ends.stream);
}

}  // namespace crank
