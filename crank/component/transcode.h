// Between the three encodings a string may have in a guest's memory and the UTF-8 the host keeps. Pure functions over
// bytes; nothing here allocates in a guest. UTF-16 is little-endian and may lie at any address here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace crank::component::detail {

/// Where UTF-8 stops being valid. `at` is text.size() if it is valid throughout.
struct Utf8Check {
  std::size_t at = 0;
  bool incomplete = false;  ///< the text ends inside a sequence that was valid so far
};
Utf8Check check_utf8(std::string_view text) noexcept;

/// Length of the ASCII prefix.
std::size_t ascii_prefix(std::string_view text) noexcept;

/// Appends one Unicode scalar value as UTF-8.
void append_code_point(std::string& out, std::uint32_t code_point);
/// Appends UTF-16 code units as UTF-8; answers the index of an unpaired surrogate, or `units` if there is none.
std::size_t append_utf16(std::string& out, const std::byte* utf16, std::size_t units);
void append_latin1(std::string& out, std::span<const std::byte> latin1);
/// Index of an unpaired surrogate, or `units`.
std::size_t check_utf16(const std::byte* utf16, std::size_t units) noexcept;

// From valid UTF-8:
std::size_t utf16_length(std::string_view utf8) noexcept;  ///< in code units
std::size_t code_point_count(std::string_view utf8) noexcept;
/// Writes UTF-16 at `out`, answers the number of bytes written.
std::size_t write_utf16(std::byte* out, std::string_view utf8) noexcept;
/// Writes one byte a code point while they are below U+0100; answers how much of `utf8` was consumed.
std::size_t write_latin1(std::byte* out, std::string_view utf8, std::size_t& written) noexcept;

}  // namespace crank::component::detail
