#include "crank/component/reader.h"

#include <charconv>

namespace crank::component::detail {

Error decode_error(std::size_t offset, std::string_view sentence, Code code) {
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, offset, 16).ptr;
  return Error(code, concat("decoding a component: at offset 0x", std::string_view(digits, end), ": ", sentence));
}

bool valid_utf8(std::string_view text) noexcept {
  auto p = reinterpret_cast<const std::uint8_t*>(text.data());
  auto end = p + text.size();
  while (p != end) {
    std::uint8_t lead = *p++;
    if (lead < 0x80) continue;
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || end - p < more) return false;
    // The second byte of four leads has a narrower range: no overlong forms, no surrogates, nothing past U+10FFFF.
    std::uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    std::uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (*p < low || *p > high) return false;
    for (++p; --more; ++p) {
      if ((*p & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

std::uint64_t Reader::unsigned_leb(unsigned bits) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < bits; shift += 7) {
    std::uint8_t b = byte();
    unsigned room = bits - shift;
    if (room < 7 && ((b & 0x7f) >> room) != 0) {
      fail("an integer is too large");
      return 0;
    }
    value |= std::uint64_t{static_cast<std::uint8_t>(b & 0x7f)} << shift;
    if (!(b & 0x80)) return value;
  }
  fail("an integer has too many bytes");
  return 0;
}

std::int64_t Reader::s33() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    std::uint8_t b = byte();
    if (shift == 28) {
      std::uint8_t spare = b & 0x70;  // bit 4 is the sign; the two above it must repeat it
      if (spare != 0 && spare != 0x70) {
        fail("an integer is too large");
        return 0;
      }
    }
    value |= std::uint64_t{static_cast<std::uint8_t>(b & 0x7f)} << shift;
    if (!(b & 0x80)) {
      if (b & 0x40) value |= ~std::uint64_t{0} << (shift + 7);
      return static_cast<std::int64_t>(value);
    }
  }
  fail("an integer has too many bytes");
  return 0;
}

std::uint32_t Reader::count(const char* what) {
  std::uint32_t n = u32();
  if (n > left()) {
    fail(concat("the count of ", what, " is ", n, ", but only ", left(), " bytes are left"));
    return 0;
  }
  return n;
}

std::span<const std::byte> Reader::bytes(std::size_t length) {
  if (length > left()) {
    fail(concat("the input ends too early: ", length, " bytes expected, ", left(), " left"));
    return {};
  }
  auto start = at_;
  at_ += length;
  return {reinterpret_cast<const std::byte*>(start), length};
}

std::string_view Reader::name(const char* what) {
  std::size_t start = offset();
  auto found = bytes(u32());
  std::string_view text(reinterpret_cast<const char*>(found.data()), found.size());
  if (!valid_utf8(text)) {
    fail_at(start, concat("the ", what, " is not UTF-8"));
    return {};
  }
  return text;
}

Reader Reader::cut(std::size_t length) {
  Reader part = *this;
  auto found = bytes(length);
  part.at_ = data(found);
  part.end_ = part.at_ + found.size();
  if (!found.data()) part.at_ = part.end_ = end_;
  return part;
}

void Reader::fail(std::string_view sentence, Code code) { fail_at(offset(), sentence, code); }

void Reader::fail_at(std::size_t offset, std::string_view sentence, Code code) {
  if (ok()) failure_->set(decode_error(offset, sentence, code));
  at_ = end_;
}

}  // namespace crank::component::detail
