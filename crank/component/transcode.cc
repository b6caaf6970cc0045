#include "crank/component/transcode.h"

#include <cstring>

namespace crank::component::detail {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }
bool continues(std::uint8_t b) { return (b & 0xc0) == 0x80; }

std::uint32_t unit_at(const std::byte* utf16, std::size_t i) {
  std::uint16_t unit;
  std::memcpy(&unit, utf16 + 2 * i, 2);
  return unit;
}

// One code point of valid UTF-8, advancing `i`.
std::uint32_t next_code_point(std::string_view text, std::size_t& i) {
  std::uint32_t b = byte_at(text, i++);
  if (b < 0x80) return b;
  auto more = [&] { return std::uint32_t{byte_at(text, i++)} & 0x3f; };
  if (b < 0xe0) return ((b & 0x1f) << 6) | more();
  if (b < 0xf0) {
    std::uint32_t c = (b & 0x0f) << 12;
    c |= more() << 6;
    return c | more();
  }
  std::uint32_t c = (b & 0x07) << 18;
  c |= more() << 12;
  c |= more() << 6;
  return c | more();
}

}  // namespace

void append_code_point(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (c >> 6)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (c >> 12)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | (c >> 18)));
    out.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

std::size_t ascii_prefix(std::string_view text) noexcept {
  std::size_t i = 0;
  constexpr std::uint64_t high = 0x8080'8080'8080'8080;
  for (; i + 32 <= text.size(); i += 32) {
    std::uint64_t words[4];
    std::memcpy(words, text.data() + i, 32);
    if ((words[0] | words[1] | words[2] | words[3]) & high) break;
  }
  while (i < text.size() && byte_at(text, i) < 0x80) ++i;
  return i;
}

Utf8Check check_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (true) {
    i += ascii_prefix(text.substr(i));
    // Runs of other scripts alternate little with ASCII, so stay in this loop while they last.
    for (; i < text.size() && byte_at(text, i) >= 0x80;) {
      std::uint8_t first = byte_at(text, i);
      std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                           : first >= 0xe0 && first <= 0xef ? 3
                           : first >= 0xf0 && first <= 0xf4 ? 4
                                                            : 0;
      if (length == 0) return {i, false};
      // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
      std::uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
      std::uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
      for (std::size_t k = 1; k < length; ++k) {
        if (i + k == text.size()) return {i, true};
        std::uint8_t b = byte_at(text, i + k);
        if (k == 1 ? (b < low || b > high) : !continues(b)) return {i, false};
      }
      i += length;
    }
    if (i >= text.size()) return {i, false};
  }
}

std::size_t append_utf16(std::string& out, const std::byte* utf16, std::size_t units) {
  for (std::size_t i = 0; i < units; ++i) {
    std::uint32_t unit = unit_at(utf16, i);
    if (unit >= 0xd800 && unit <= 0xdfff) {
      if (unit >= 0xdc00 || i + 1 == units) return i;
      std::uint32_t low = unit_at(utf16, i + 1);
      if (low < 0xdc00 || low > 0xdfff) return i;
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      ++i;
    }
    append_code_point(out, unit);
  }
  return units;
}

std::size_t check_utf16(const std::byte* utf16, std::size_t units) noexcept {
  for (std::size_t i = 0; i < units; ++i) {
    std::uint32_t unit = unit_at(utf16, i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit >= 0xdc00 || i + 1 == units) return i;
    std::uint32_t low = unit_at(utf16, i + 1);
    if (low < 0xdc00 || low > 0xdfff) return i;
    ++i;
  }
  return units;
}

void append_latin1(std::string& out, std::span<const std::byte> latin1) {
  for (std::byte b : latin1) append_code_point(out, static_cast<std::uint32_t>(b));
}

std::size_t code_point_count(std::string_view utf8) noexcept {
  std::size_t count = 0;
  for (char c : utf8) count += !continues(static_cast<std::uint8_t>(c));
  return count;
}

std::size_t utf16_length(std::string_view utf8) noexcept {
  std::size_t units = 0;
  for (char c : utf8) {
    auto b = static_cast<std::uint8_t>(c);
    units += !continues(b);
    units += b >= 0xf0;  // four bytes are a surrogate pair
  }
  return units;
}

std::size_t write_utf16(std::byte* out, std::string_view utf8) noexcept {
  std::byte* begin = out;
  auto put = [&](std::uint32_t unit) {
    auto u = static_cast<std::uint16_t>(unit);
    std::memcpy(out, &u, 2);
    out += 2;
  };
  for (std::size_t i = 0; i < utf8.size();) {
    std::uint32_t c = next_code_point(utf8, i);
    if (c < 0x10000) {
      put(c);
    } else {
      put(0xd800 + ((c - 0x10000) >> 10));
      put(0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  }
  return static_cast<std::size_t>(out - begin);
}

std::size_t write_latin1(std::byte* out, std::string_view utf8, std::size_t& written) noexcept {
  written = 0;
  std::size_t i = 0;
  while (i < utf8.size()) {
    std::size_t next = i;
    std::uint32_t c = next_code_point(utf8, next);
    if (c >= 0x100) break;
    out[written++] = static_cast<std::byte>(c);
    i = next;
  }
  return i;
}

}  // namespace crank::component::detail
