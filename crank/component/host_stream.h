// The host's ends of streams and futures. An unbuffered rendezvous, as between guests: a write completes when a reader
// took it. Bytes move by one memcpy between host buffer and guest memory, or by none: `lend` gives the host the guest's
// own pending buffer to hand to a socket (DESIGN, C6).
//
//   auto [writer, reader] = make_stream(Value::Kind::u8);          // host keeps writer, guest gets reader
//   co_return std::move(reader).into_value();
//   co_await writer.write(bytes);                                  // as much as the guest reads, as it reads
//
// One operation at a time on an end. Any thread; the awaiting task resumes on its own executor. Destroying an end closes
// it. Cancelling a task that awaits an operation takes the operation back and answers Code::cancelled.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "crank/async/task.h"
#include "crank/base/result.h"
#include "crank/component/value.h"

namespace crank::component {

namespace detail {
struct HostEnd;
}

/// Guest memory on loan: the buffer of the guest's own pending read or write. While it is held the guest's root cannot
/// be torn down under it, and a cancel by the guest waits for it. Give it back soon: `finish(n)` says how many bytes were
/// taken (or filled); destruction is finish(0).
class Loan {
 public:
  Loan() = default;
  Loan(Loan&& other) noexcept;
  Loan& operator=(Loan&& other) noexcept;
  ~Loan();
  /// Of a reader's loan read only. Empty when the other end is closed.
  std::span<std::byte> bytes() const noexcept { return bytes_; }
  bool closed() const noexcept { return bytes_.empty(); }
  void finish(std::size_t bytes) noexcept;

 private:
  friend class StreamReader;
  friend class StreamWriter;
  std::span<std::byte> bytes_;
  detail::HostEnd* end_ = nullptr;
};

/// A readable stream end held by the host.
class StreamReader {
 public:
  StreamReader() = default;
  StreamReader(StreamReader&&) noexcept = default;
  StreamReader& operator=(StreamReader&&) noexcept = default;
  /// Takes the end out of a value a guest passed; Code::bad_type if it is no stream.
  static Result<StreamReader> take(Value value);
  /// As an argument or result for a guest.
  Value into_value() &&;

  /// Bytes of a stream of numbers (whole elements): at least one element unless the stream has ended, then 0.
  [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> into);
  /// Elements of any type: at least one and at most `limit`; empty when the stream has ended.
  [[nodiscard]] Task<Result<std::vector<Value>>> read_values(std::size_t limit);
  /// Waits until the guest writes, and lends that buffer without copying. Numbers only. A host writer's buffer is lent too;
  /// when that writer asks for a loan itself, the second of the two gets Code::unsupported and has to read.
  [[nodiscard]] Task<Result<Loan>> lend();
  /// Says that no more is wanted; the writer sees DROPPED. Also the destructor's work.
  void close();
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }

  explicit StreamReader(Ref<HandleObject> end) : end_(std::move(end)) {}  // internal

 private:
  Ref<HandleObject> end_;
};

/// A writable stream end held by the host.
class StreamWriter {
 public:
  StreamWriter() = default;
  StreamWriter(StreamWriter&&) noexcept = default;
  StreamWriter& operator=(StreamWriter&&) noexcept = default;

  /// Returns when everything was read, with its size; less only when the reader is gone.
  [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> bytes);
  /// The same for elements of any type; what was not taken is left in `values`.
  [[nodiscard]] Task<Result<std::size_t>> write_values(std::span<Value> values);
  /// Waits until the guest reads, and lends that buffer to be filled (by a socket read, say). Numbers only. Against a host
  /// reader that asks for a loan, too, the second of the two gets Code::unsupported and has to write.
  [[nodiscard]] Task<Result<Loan>> lend();
  /// Returns when the reader is gone.
  [[nodiscard]] Task<Result<>> closed();
  /// The reader sees the end of the stream. Also the destructor's work.
  void close();
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }

  explicit StreamWriter(Ref<HandleObject> end) : end_(std::move(end)) {}  // internal

 private:
  Ref<HandleObject> end_;
};

struct StreamPair {
  StreamWriter writer;
  StreamReader reader;
};
/// A stream made by the host. `element`: a number kind; Value::Kind::none for a stream without payload; any other kind
/// for elements that travel as Values. It must fit the type it is passed as: lowering it as another one is an error.
StreamPair make_stream(Value::Kind element);

/// A readable future end held by the host.
class FutureReader {
 public:
  FutureReader() = default;
  FutureReader(FutureReader&&) noexcept = default;
  FutureReader& operator=(FutureReader&&) noexcept = default;
  static Result<FutureReader> take(Value value);
  Value into_value() &&;
  /// The value, once. Code::root_dead if the writer died without writing.
  [[nodiscard]] Task<Result<Value>> read();
  void close();
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }

  explicit FutureReader(Ref<HandleObject> end) : end_(std::move(end)) {}  // internal

 private:
  Ref<HandleObject> end_;
};

/// A writable future end held by the host.
class FutureWriter {
 public:
  FutureWriter() = default;
  FutureWriter(FutureWriter&&) noexcept = default;
  FutureWriter& operator=(FutureWriter&&) noexcept = default;
  /// Leaves the value for whoever reads; returns at once. At most once. A guest that reads a future whose writer was
  /// destroyed unwritten traps (the specification has no other answer).
  void set(Value value);
  /// Like set, and returns when it was read: false if the reader went away first.
  [[nodiscard]] Task<Result<bool>> write(Value value);
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }

  explicit FutureWriter(Ref<HandleObject> end) : end_(std::move(end)) {}  // internal

 private:
  Ref<HandleObject> end_;
};

struct FuturePair {
  FutureWriter writer;
  FutureReader reader;
};
FuturePair make_future(Value::Kind element = Value::Kind::list);

}  // namespace crank::component
