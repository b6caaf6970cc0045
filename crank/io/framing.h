// Where a body begins and ends on the wire (RFC 9112 sections 6 and 7), apart from any socket. Users don't read this.
//
//   decode: wire bytes -> body bytes, by length, in chunks, or until the connection closes
//   encode: body bytes -> what stands before and after them on the wire
//
// Both know how many body bytes may pass between socket and borrowed memory without being looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crank/base/result.h"
#include "crank/io/http_message.h"

namespace crank::io::detail {

class BodyDecoder {
 public:
  struct Limits {
    std::uint64_t body = UINT64_MAX;
    std::size_t trailers = 16 * 1024;
  };

  void start_none() { *this = BodyDecoder(Mode::length); }
  void start_length(std::uint64_t length, Limits limits);
  void start_chunked(Limits limits);
  void start_until_close(Limits limits);

  bool done() const noexcept { return state_ == State::done; }
  /// Body bytes that may be read from the wire straight into the reader's memory now; 0: framing comes next.
  std::uint64_t direct() const noexcept;
  void took_direct(std::size_t bytes) noexcept;

  struct Step {
    std::size_t consumed = 0;  ///< of the wire bytes
    std::size_t produced = 0;  ///< into `into`
  };
  /// Decodes as much of `wire` as fits `into`. Produces nothing and consumes everything when more is needed.
  Result<Step> decode(std::string_view wire, std::span<std::byte> into);
  /// The connection ended: fine only for a body that lasts until then.
  Result<> at_eof();

  /// What is still to come of a body by length; 0 for others.
  std::uint64_t remaining() const noexcept { return mode_ == Mode::length ? remaining_ : 0; }
  bool is_chunked() const noexcept { return mode_ == Mode::chunked; }
  const Headers& trailers() const noexcept { return trailers_; }

 private:
  enum class Mode : std::uint8_t { length, chunked, until_close };
  enum class State : std::uint8_t { data, size_line, after_data, trailer, done };
  explicit BodyDecoder(Mode mode) : mode_(mode), state_(State::done) {}
  Result<> end_of_line();

  Mode mode_ = Mode::length;
  State state_ = State::done;
  std::uint64_t remaining_ = 0;  // of the body, or of the chunk
  std::uint64_t total_ = 0;      // for the limit, where the length is not known before
  std::size_t trailer_bytes_ = 0;
  Limits limits_;
  std::string line_;
  Headers trailers_;

 public:
  BodyDecoder() = default;
};

class BodyEncoder {
 public:
  /// nullopt: the length is not known before; then chunked, or (HTTP/1.0) until the connection closes.
  void start(std::optional<std::uint64_t> length, bool may_chunk);
  bool is_chunked() const noexcept { return mode_ == Mode::chunked; }
  bool until_close() const noexcept { return mode_ == Mode::until_close; }
  /// Appends what stands before `size` body bytes; an error when they exceed the promised length.
  Result<> before(std::size_t size, std::string& out);
  /// `size` of the bytes announced with `before` are not sent after all. Not for chunks: their size is out.
  void take_back(std::size_t size) noexcept {
    if (mode_ == Mode::length) remaining_ += size;
  }
  void after(std::string& out) {
    if (mode_ == Mode::chunked) out.append("\r\n");
  }
  /// Appends the end; an error when the promised length was not reached.
  Result<> end(const Headers* trailers, std::string& out);

 private:
  enum class Mode : std::uint8_t { length, chunked, until_close } mode_ = Mode::length;
  std::uint64_t remaining_ = 0;
};

}  // namespace crank::io::detail
