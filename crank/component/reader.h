// A bounds-checked cursor over the bytes of a binary. The first failure is kept and sticks: every later read answers
// zero or empty and `done()` is true, so a parser reads on without a check after each byte and asks `ok()` where it
// loops or acts. Readers cut from one another share the place of the failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crank/base/result.h"

namespace crank::component::detail {

bool valid_utf8(std::string_view text) noexcept;

/// Where the first failure of a decoding is kept.
class Failure {
 public:
  bool failed() const noexcept { return error_.has_value(); }
  void set(Error error) {
    if (!error_) error_ = std::move(error);
  }
  Error take() { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, Failure& failure)
      : begin_(data(bytes)), at_(begin_), end_(at_ + bytes.size()), failure_(&failure) {}

  bool ok() const noexcept { return !failure_->failed(); }
  bool done() const noexcept { return at_ == end_; }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// From the start of the whole binary.
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  std::uint8_t peek() const noexcept { return at_ == end_ ? 0 : *at_; }

  std::uint8_t byte() {
    if (at_ == end_) [[unlikely]] {
      fail("the input ends too early");
      return 0;
    }
    return *at_++;
  }
  std::uint32_t u32() {
    if (at_ != end_ && *at_ < 0x80) return *at_++;
    return static_cast<std::uint32_t>(unsigned_leb(32));
  }
  std::uint64_t u64() { return unsigned_leb(64); }
  std::int64_t s33();

  /// The length of a vector whose elements take at least one byte each, so never more than bytes are left.
  std::uint32_t count(const char* what);
  /// A length and that many bytes of UTF-8.
  std::string_view name(const char* what);
  std::span<const std::byte> bytes(std::size_t length);
  /// The next `length` bytes as a reader of their own.
  Reader cut(std::size_t length);
  Reader rest() { return cut(left()); }

  /// Records a failure here and moves to the end. The sentence gets the offset in front.
  void fail(std::string_view sentence, Code code = Code::bad_binary);
  void fail_at(std::size_t offset, std::string_view sentence, Code code = Code::bad_binary);

 private:
  static const std::uint8_t* data(std::span<const std::byte> bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
  }
  std::uint64_t unsigned_leb(unsigned bits);

  const std::uint8_t* begin_;  // of the whole binary, for offsets
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  Failure* failure_;
};

/// "decoding a component: at offset 0x1f: ...".
Error decode_error(std::size_t offset, std::string_view sentence, Code code = Code::bad_binary);

}  // namespace crank::component::detail
