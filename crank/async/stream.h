// Streams: values over time, from a source that may be a callback, to one task that awaits them.
//
//     auto [source, ticks] = crank::make_stream<int>(crank::Buffering::latest(8));
//     hardware.on_tick([source = std::move(source)](int n) { source.yield(n); });
//     while (auto n = co_await ticks.next()) use(*n);
//
// Backpressure is the buffer's policy: bounded (`send` waits, `yield` refuses), unbounded, or a window of the latest. The
// stream ends when the source finishes or its last copy goes away, and `next` then answers nothing; so it does in a cancelled
// task. When the reading end goes away the source is told by the answer of its next call, and by `on_termination`.
//
// Errors as values are a stream of Results. An exception of a function given to an algorithm (stream_algorithms.h) is the
// end of that algorithm's stream: what came before is read, then one `next` throws it, then there is nothing. In code
// built without exceptions there are none; such code that reads a stream which another's exception ended is a bug, named.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/channel_core.h"
#include "crank/async/misuse.h"
#include "crank/async/promise.h"

namespace crank {

/// How a stream holds what was not read yet.
struct Buffering {
  static constexpr Buffering bounded(std::size_t capacity) noexcept { return {capacity, detail::Overflow::wait}; }
  static constexpr Buffering unbounded() noexcept { return {0, detail::Overflow::grow}; }
  /// Keeps the newest `capacity` values, drops the oldest.
  static constexpr Buffering latest(std::size_t capacity) noexcept { return {capacity, detail::Overflow::drop_oldest}; }
  /// Keeps the first `capacity` values, drops what comes while it is full.
  static constexpr Buffering oldest(std::size_t capacity) noexcept { return {capacity, detail::Overflow::drop_newest}; }
  std::size_t capacity;
  detail::Overflow overflow;
};

/// What became of a yielded value.
enum class Yielded : unsigned char { enqueued, dropped, full, terminated };

namespace detail {

struct Termination {
  void (*call)(Termination* self) noexcept;
  void (*free)(Termination* self) noexcept;
};
template <class Function>
struct TerminationOf : Termination {
  explicit TerminationOf(Function f)
      : Termination{[](Termination* self) noexcept { static_cast<TerminationOf*>(self)->function(); },
                    [](Termination* self) noexcept { delete static_cast<TerminationOf*>(self); }},
        function(std::move(f)) {}
  Function function;
};

template <class T>
struct StreamShared : ChannelCore<T> {
  explicit StreamShared(Buffering buffering) : ChannelCore<T>(buffering.capacity, buffering.overflow) {}
  std::atomic<std::uint32_t> sources{1};
  Lock end_lock;  // of what follows
  bool told = false;
  bool failed = false;
  Termination* on_termination = nullptr;  // called once, by whoever ends the stream first
  ExceptionBox* failure = nullptr;        // for the `next` that comes to the end
  ~StreamShared() {
    if (on_termination) on_termination->free(on_termination);
    if (failure) failure->free(failure);
  }
};

template <class T>
void end_stream(StreamShared<T>& shared) noexcept;
template <class T>
void tell_termination(StreamShared<T>& shared) noexcept;

// For a reader that came to the end: throws what the stream failed with, if it did. A cancelled task is told of nothing.
template <Exceptions policy, class T>
void throw_failure(StreamShared<T>& shared) {
  if (is_cancelled()) return;
  ExceptionBox* failure;
  {
    LockGuard guard(shared.end_lock);
    failure = std::exchange(shared.failure, nullptr);
  }
  if (!failure) return;
  if constexpr (policy == Exceptions::propagate) failure->rethrow_and_free(failure);
  misuse("an exception ended a stream that is read by code built without exceptions");
}

template <class T, Exceptions policy>
class [[nodiscard("co_await it")]] Next : public Receive<T> {
 public:
  explicit Next(StreamShared<T>& shared) noexcept : Receive<T>(shared) {}
  std::optional<T> await_resume() {
    std::optional<T> value = Receive<T>::await_resume();
    if (!value) throw_failure<policy>(static_cast<StreamShared<T>&>(this->core_));
    return value;
  }
};

}  // namespace detail

/// The writing end; copies are further writers. From any thread and from callbacks.
template <class T>
class StreamSource {
 public:
  explicit StreamSource(std::shared_ptr<detail::StreamShared<T>> shared) noexcept : shared_(std::move(shared)) {}
  StreamSource(const StreamSource& from) noexcept : shared_(from.shared_) {
    if (shared_) shared_->sources.fetch_add(1, std::memory_order_relaxed);
  }
  StreamSource(StreamSource&&) noexcept = default;
  StreamSource& operator=(StreamSource from) noexcept {
    std::swap(shared_, from.shared_);
    return *this;
  }
  ~StreamSource() {
    if (shared_ && shared_->sources.fetch_sub(1, std::memory_order_acq_rel) == 1) detail::end_stream(*shared_);
  }

  /// Never waits. In a full bounded buffer the value is refused.
  Yielded yield(T value) const {
    switch (shared_->push(value)) {
      case detail::Pushed::taken: return Yielded::enqueued;
      case detail::Pushed::dropped: return Yielded::dropped;
      case detail::Pushed::full: return Yielded::full;
      case detail::Pushed::closed: break;
    }
    return Yielded::terminated;
  }
  /// Waits for room in a bounded buffer, and goes on at the executor it waited on. False: the stream has ended or this task
  /// was cancelled, and the value will not be read. True: it is with the stream, which under a window may have dropped it.
  detail::Send<T> send(T value) const [[clang::lifetimebound]] { return detail::Send<T>(*shared_, std::move(value)); }
  /// Ends the stream for all sources; what is in the buffer is still read. Again: nothing.
  void finish() const noexcept { detail::end_stream(*shared_); }
  /// For the algorithms: ends the stream, and its reader throws this after what is in the buffer. The first failure counts.
  void fail(detail::ExceptionBox* failure) const noexcept {
    {
      detail::LockGuard guard(shared_->end_lock);
      if (shared_->failed || shared_->closed()) return failure->free(failure);
      shared_->failed = true;
      shared_->failure = failure;
    }
    finish();
  }

 private:
  std::shared_ptr<detail::StreamShared<T>> shared_;
};

/// The reading end, for one task at a time.
template <class T>
class [[nodiscard("the stream ends with this object: keep it, and co_await its next()")]] Stream {
 public:
  using Value = T;
  explicit Stream(std::shared_ptr<detail::StreamShared<T>> shared) noexcept : shared_(std::move(shared)) {}
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&& from) noexcept {
    std::swap(shared_, from.shared_);
    return *this;
  }
  ~Stream() {
    if (shared_) detail::end_stream(*shared_);
  }

  /// The next value, in order; waits for it, and goes on at the executor it waited on. Nothing at the end, or when this task
  /// is cancelled, which loses no value: what is in the buffer stays. Throws what the stream failed with, once, at its end.
  template <Exceptions policy = default_exceptions>
  detail::Next<T, policy> next() [[clang::lifetimebound]] {
    return detail::Next<T, policy>(*shared_);
  }
  /// Called once, on whichever thread ends the stream, from either end; the first one given counts. Given after the end
  /// it is called here, at once.
  template <class Function>
    requires std::is_nothrow_invocable_v<Function&>
  void on_termination(Function function) {
    auto* told = new detail::TerminationOf<Function>(std::move(function));
    {
      detail::LockGuard guard(shared_->end_lock);
      if (shared_->on_termination) return told->free(told);
      shared_->on_termination = told;
    }
    if (shared_->closed()) detail::tell_termination(*shared_);
  }
  /// For the algorithms.
  detail::StreamShared<T>& shared() noexcept { return *shared_; }

 private:
  std::shared_ptr<detail::StreamShared<T>> shared_;
};

namespace detail {
template <class T>
void end_stream(StreamShared<T>& shared) noexcept {
  if (shared.close()) tell_termination(shared);
}
// Both who ends the stream and who registers after its end may come here; one of them calls.
template <class T>
void tell_termination(StreamShared<T>& shared) noexcept {
  Termination* told;
  {
    LockGuard guard(shared.end_lock);
    if (!shared.on_termination || shared.told) return;
    told = shared.on_termination;
    shared.told = true;
  }
  told->call(told);
}
}  // namespace detail

/// A new stream's two ends; each goes where it is used: the source into a callback, a task or several, the stream to its
/// reader. An end that is kept here keeps the other one waiting.
template <class T>
struct StreamEnds {
  StreamSource<T> source;
  Stream<T> stream;
};

/// Makes a stream. Anywhere, outside of tasks too; it belongs to no executor, and its two ends share one allocation. Values
/// are moved; a `yield` or `send` that finds the reader waiting gives it the value and enqueues it, and runs nothing of it.
template <class T>
StreamEnds<T> make_stream(Buffering buffering) {
  auto shared = std::make_shared<detail::StreamShared<T>>(buffering);
  return {StreamSource<T>(shared), Stream<T>(shared)};
}

}  // namespace crank
