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

  detail::Send<T> send(T value) [[clang::lifetimebound]] { return detail::Send<T>(core_, std::move(value)); }
  detail::Receive<T> receive() [[clang::lifetimebound]] { return detail::Receive<T>(core_); }
  /// Without waiting: false when it is full or closed, and the value is then untouched.
  bool try_send(T& value) { return core_.push(value) == detail::Pushed::taken; }
  std::optional<T> try_receive() { return core_.try_pop(); }
  void close() noexcept { core_.close(); }
  std::size_t size() noexcept { return core_.size(); }

 private:
  detail::ChannelCore<T> core_;
};

}  // namespace crank
