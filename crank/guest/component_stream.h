// The four ends of streams and futures as values that own their handle: movable, dropped at the end of their scope. A Glue
// type names the generated functions of one element type (component_http.h has examples):
//
//     struct Bytes {
//       using Element = std::uint8_t;
//       static constexpr auto make = ..._new, read = ..._read, write = ..._write, cancel_read = ..., cancel_write = ...,
//                             drop_readable = ..., drop_writable = ...;
//     };
//     auto [reader, writer] = guest::make_stream<Bytes>();
//     Copied got = co_await reader.read(buffer);       // any number of elements up to the buffer's, or `ended`
//     bool all = co_await guest::write_all(writer, bytes);
//
// One copy at a time on each end. After `ended` further copies answer `ended` at once, without asking the host (a second
// write after DROPPED would trap).
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "crank/async/misuse.h"
#include "crank/async/task.h"
#include "crank/guest/component_wait.h"

namespace crank::guest {

template <auto drop>
class End {
 public:
  End() = default;
  explicit End(std::uint32_t handle) noexcept : handle_(handle) {}
  End(End&& from) noexcept : handle_(std::exchange(from.handle_, 0)), ended_(from.ended_) {}
  End& operator=(End&& from) noexcept {
    if (this != &from) {
      close();
      handle_ = std::exchange(from.handle_, 0);
      ended_ = from.ended_;
    }
    return *this;
  }
  ~End() { close(); }

  explicit operator bool() const noexcept { return handle_ != 0; }
  /// Drops the handle: the other end sees the end.
  void close() noexcept {
    if (handle_) drop(std::exchange(handle_, 0));
  }
  /// Hands the end over, to be passed on in a call.
  [[nodiscard]] std::uint32_t release() noexcept { return std::exchange(handle_, 0); }

 protected:
  std::uint32_t handle_ = 0;
  bool ended_ = false;
};

template <class Glue>
class StreamReader : public End<Glue::drop_readable> {
 public:
  using End<Glue::drop_readable>::End;
  Copy read(std::span<typename Glue::Element> into) noexcept {
    if (this->ended_) return Copy(this->ended_);
    return Copy(this->handle_, Glue::read(this->handle_, into.data(), into.size()), Glue::cancel_read, this->ended_);
  }
};

template <class Glue>
class StreamWriter : public End<Glue::drop_writable> {
 public:
  using Element = typename Glue::Element;
  using End<Glue::drop_writable>::End;
  Copy write(std::span<const Element> from) noexcept {
    if (this->ended_) return Copy(this->ended_);
    return Copy(this->handle_, Glue::write(this->handle_, from.data(), from.size()), Glue::cancel_write, this->ended_);
  }
};

/// Writes all of it; false when the reader went away or the task was cancelled before.
template <class Writer>
Task<bool> write_all(Writer& writer, std::span<const typename Writer::Element> from) {
  while (!from.empty()) {
    Copied copied = co_await writer.write(from);
    if (copied.ended || copied.cancelled) co_return copied.count == from.size();
    from = from.subspan(copied.count);
  }
  co_return true;
}

template <class Glue>
class FutureReader : public End<Glue::drop_readable> {
 public:
  using End<Glue::drop_readable>::End;
  /// The value is in place unless the copy was cancelled.
  Copy read(typename Glue::Element& into) noexcept {
    return Copy(this->handle_, Glue::read(this->handle_, &into), Glue::cancel_read, this->ended_);
  }
};

/// Must be fulfilled: the Component Model traps whoever drops a writable end before its value was taken, or its reader is
/// gone. An end that goes out of scope unwritten is fulfilled with `Glue::abandoned()` by a task of the current call.
template <class Glue>
class FutureWriter : public End<Glue::drop_writable> {
 public:
  using End<Glue::drop_writable>::End;
  FutureWriter(FutureWriter&&) noexcept = default;
  FutureWriter& operator=(FutureWriter&& from) noexcept {
    if (this != &from) {
      abandon();
      End<Glue::drop_writable>::operator=(std::move(from));
    }
    return *this;
  }
  ~FutureWriter() { abandon(); }

  /// Ends when the reader has taken the value or is gone.
  [[clang::coro_wrapper]] Task<> fulfil(typename Glue::Element value) && {
    std::uint32_t handle = std::exchange(this->handle_, 0);
    return write(handle, std::move(value));
  }

 private:
  static Task<> write(std::uint32_t handle, typename Glue::Element value) {
    // What was promised is delivered, whether or not the task is told to stop meanwhile.
    CancellationShield shield;
    bool ended = false;
    co_await Copy(handle, Glue::write(handle, &value), Glue::cancel_write, ended);
    Glue::drop_writable(handle);
  }
  [[gnu::noinline]] void abandon() noexcept {
    if (!this->handle_) return;
    spawn(write(std::exchange(this->handle_, 0), Glue::abandoned())).run_on();
  }
};

template <class Glue>
std::pair<StreamReader<Glue>, StreamWriter<Glue>> make_stream() noexcept {
  std::uint32_t writer = 0, reader = Glue::make(&writer);
  return {StreamReader<Glue>(reader), StreamWriter<Glue>(writer)};
}
template <class Glue>
std::pair<FutureReader<Glue>, FutureWriter<Glue>> make_future() noexcept {
  std::uint32_t writer = 0, reader = Glue::make(&writer);
  return {FutureReader<Glue>(reader), FutureWriter<Glue>(writer)};
}

}  // namespace crank::guest
