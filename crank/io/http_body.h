// Bodies: what a handler or a client sees (BodySource, BodySink), made for borrowed memory, so that a guest's buffer is
// what the socket reads into and writes from.
//
//   attempt = source.read(into, listener)      now: n bytes, 0 at the end, or an error
//                                              later (nullopt): `into` stays borrowed until listener.on_read, or
//                                              until cancel_read() has returned
// Both ends belong to the exchange's loop: call them on its thread; listeners are called there.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "crank/base/result.h"
#include "crank/io/event_loop.h"
#include "crank/io/http_message.h"

namespace crank::io {

/// Done now (bytes or error), or pending: nullopt.
using Attempt = std::optional<Result<std::size_t>>;

class ReadListener {
 public:
  /// Bytes that are now in the borrowed memory; 0: the body has ended. The memory is the caller's again.
  virtual void on_read(Result<std::size_t> bytes) = 0;

 protected:
  ~ReadListener() = default;
};

class WriteListener {
 public:
  /// Bytes taken. The memory is the caller's again.
  virtual void on_written(Result<std::size_t> bytes) = 0;

 protected:
  ~WriteListener() = default;
};

/// A body that arrives. One read at a time. Errors: Code::io (the connection broke), Code::protocol (bad framing),
/// Code::limit (over the allowed size), Code::deadline (the peer stalled).
class BodySource {
 public:
  virtual EventLoop& loop() noexcept = 0;
  /// See the picture above. With an empty `into` nothing is read: it answers 0 as soon as a read would not have to
  /// wait, so that nobody's memory needs to stay borrowed while the network is silent.
  virtual Attempt read(std::span<std::byte> into, ReadListener& listener) = 0;
  /// No-op without a pending read. The listener is not called.
  virtual void cancel_read() noexcept = 0;
  /// After the end: the trailer fields.
  virtual const Headers& trailers() const noexcept = 0;
  /// Nobody will read on: what still comes is thrown away, or the connection closed when that would be too much.
  virtual void discard() noexcept = 0;

 protected:
  ~BodySource() = default;
};

/// A body that is sent. One write at a time. A write is done when its bytes are with the kernel or, small ones, in the
/// connection's own buffer, which goes out at the end of the turn.
class BodySink {
 public:
  virtual EventLoop& loop() noexcept = 0;
  /// With empty `bytes` nothing is written: it answers 0 as soon as all that was written before is with the kernel, so that
  /// nobody's memory needs to stay borrowed while the peer is slow.
  virtual Attempt write(std::span<const std::byte> bytes, WriteListener& listener) = 0;
  /// Gives the memory of a pending write back and answers how many of its bytes count as sent. No listener is called.
  virtual std::size_t cancel_write() noexcept = 0;
  /// The body is complete. With a promised length of another size the connection is closed instead.
  virtual void finish(const Headers* trailers = nullptr) = 0;
  /// The body cannot be completed: closes the connection, so that the peer does not take it for complete.
  virtual void abort() noexcept = 0;

 protected:
  ~BodySink() = default;
};

}  // namespace crank::io
