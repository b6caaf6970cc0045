// Owned bytes that cross between guest and host without a copy: what the host wrote through the guest's allocator becomes a
// Bytes of the guest, and is freed as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "crank/async/misuse.h"

namespace crank::guest {

/// A block of the guest's allocator (malloc natively), or nothing. Move only.
class Bytes {
 public:
  Bytes() = default;
  /// Uninitialised.
  explicit Bytes(std::size_t size) : data_(size ? static_cast<std::byte*>(std::malloc(size)) : nullptr), size_(size) {
    if (size && !data_) detail::misuse("no memory for bytes");
  }
  Bytes(std::span<const std::byte> from) : Bytes(from.size()) {  // NOLINT: bytes are bytes
    if (size_) std::memcpy(data_, from.data(), size_);
  }
  Bytes(std::string_view text) : Bytes(std::as_bytes(std::span(text.data(), text.size()))) {}  // NOLINT
  Bytes(const char* text) : Bytes(std::string_view(text)) {}                                   // NOLINT
  /// Takes over a block that malloc gave.
  static Bytes adopt(std::byte* block, std::size_t size) noexcept {
    Bytes bytes;
    bytes.data_ = block;
    bytes.size_ = size;
    return bytes;
  }
  Bytes(Bytes&& from) noexcept : data_(std::exchange(from.data_, nullptr)), size_(std::exchange(from.size_, 0)) {}
  Bytes& operator=(Bytes&& from) noexcept {
    std::swap(data_, from.data_);
    std::swap(size_, from.size_);
    return *this;
  }
  ~Bytes() { std::free(data_); }

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<const std::byte> view() const noexcept { return {data_, size_}; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
  operator std::span<const std::byte>() const noexcept { return view(); }  // NOLINT

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The characters of an entry's argument or a bridge's answer.
inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace crank::guest
