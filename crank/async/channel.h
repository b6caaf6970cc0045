// Channel<T>: a bounded queue between tasks; many senders, many receivers, first come first served.
//
//     crank::Channel<int> numbers(64);
//     bool taken = co_await numbers.send(1);       // waits while it is full; false: closed, or the sender was cancelled
//     std::optional<int> n = co_await numbers.receive();   // waits while it is empty; none: closed and drained, or cancelled
//
// A value goes straight to a receiver that waits. `close` lets receivers drain what is there and ends them; senders get false.
// The channel outlives the tasks that use it.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "crank/async/channel_core.h"

namespace crank {

template <class T>
class Channel {
 public:
  /// Holds `capacity` values; with 0 every send waits for its receiver.
  explicit Channel(std::size_t capacity) : core_(capacity, detail::Overflow::wait) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Waits while it is full, first come first served, and goes on at the executor it waited on. True: a receiver has it or
  /// will find it. False: the channel is closed or this task was cancelled, and nobody will receive the value.
  detail::Send<T> send(T value) [[clang::lifetimebound]] { return detail::Send<T>(core_, std::move(value)); }
  /// The oldest value; waits while there is none, first come first served, and goes on at the executor it waited on. None:
  /// closed and drained, or this task was cancelled; a value that came at the same moment is given, and never lost.
  detail::Receive<T> receive() [[clang::lifetimebound]] { return detail::Receive<T>(core_); }
  /// Without waiting: false when it is full or closed, and the value is then untouched.
  bool try_send(T& value) { return core_.push(value) == detail::Pushed::taken; }
  /// Without waiting: none when it is empty, closed or not.
  std::optional<T> try_receive() { return core_.try_pop(); }
  /// Ends it: who waits goes on, senders with false, and receivers drain what is there. Again: nothing. From any thread.
  void close() noexcept { core_.close(); }
  /// Values that are in it now; those of waiting senders do not count.
  std::size_t size() noexcept { return core_.size(); }

 private:
  detail::ChannelCore<T> core_;
};

}  // namespace crank
