// zlib as two steps of a pipe: an Encoder compresses what it is fed, a Decoder takes a coding off. Both work on windows of
// the caller's buffers and keep no bytes of their own beyond zlib's state, so a body of any size passes in constant memory.
//
//     codec.feed(input);                      // a window that stays valid until it is consumed
//     while (auto made = codec.step(output, flush)) write(output.first(made));      // until 0: wants input
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "examples/middleware/content_coding.h"

namespace crank::example {

/// How much must come out of a step.
enum class Flush : unsigned char {
  none,    ///< as suits the compression
  sync,    ///< everything fed so far must be readable at the other end
  finish,  ///< the body ends here
};

class Encoder {
 public:
  explicit Encoder(Coding coding);
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder();

  void feed(std::span<const std::uint8_t> input);
  /// Writes at most `output.size()` bytes and says how many; 0 when the input is used up and what `flush` asks is done.
  std::size_t step(std::span<std::uint8_t> output, Flush flush);
  /// Whether bytes were fed that no flush has brought out yet.
  bool holds_back() const { return holds_back_; }
  bool failed() const { return failed_; }

 private:
  z_stream stream_{};
  bool holds_back_ = false;
  bool flushing_ = false;
  bool finished_ = false;
  bool failed_ = false;
};

class Decoder {
 public:
  explicit Decoder(Coding coding);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  void feed(std::span<const std::uint8_t> input);
  /// Writes at most `output.size()` bytes and says how many; 0 when the input is used up (or is wrong: `failed`).
  /// Decoded bytes are never held back, so sync and none are the same; finish checks that the coding has ended.
  std::size_t step(std::span<std::uint8_t> output, Flush flush);
  bool holds_back() const { return false; }
  /// The input is not of that coding, or ends inside it.
  bool failed() const { return failed_; }

 private:
  bool open(std::uint8_t first);

  z_stream stream_{};
  Coding coding_;
  bool open_ = false;
  bool between_members_ = false;  // gzip: a member has ended, another may follow
  bool failed_ = false;
};

}  // namespace crank::example
