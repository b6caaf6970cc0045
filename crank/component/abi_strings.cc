// Strings, with realloc asked for exactly as the specification does (it is guest code, so its calls can be observed):
// "store_string_into_range" and what it calls, by source and destination encoding.
#include "crank/component/abi_places.h"
#include "crank/component/transcode.h"

namespace crank::component::detail {

namespace {

constexpr std::uint32_t utf16_tag = 1u << 31;

std::string_view view(const std::byte* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

bool valid_utf8(Failure& failure, std::string_view text) {
  Utf8Check check = check_utf8(text);
  if (check.at == text.size() && !check.incomplete) [[likely]]
    return true;
  if (check.incomplete) return failure.trap(concat("incomplete utf-8 byte sequence from index ", check.at));
  return failure.trap(concat("invalid utf-8 byte sequence from index ", check.at));
}

bool unpaired(Failure& failure, std::size_t index) {
  return failure.trap(concat("invalid utf-16: unpaired surrogate at code unit ", index));
}

// What a tagged length in the guest's encoding means.
struct Described {
  StringOrigin origin;
  std::uint32_t units;
  std::uint64_t bytes;
  std::uint32_t alignment;
};
Described describe(StringEncoding encoding, std::uint32_t tagged) {
  switch (encoding) {
    case StringEncoding::utf8: return {StringOrigin::utf8, tagged, tagged, 1};
    case StringEncoding::utf16: return {StringOrigin::utf16, tagged, std::uint64_t{2} * tagged, 2};
    case StringEncoding::latin1_utf16: break;
  }
  if (tagged & utf16_tag)
    return {StringOrigin::tagged_utf16, tagged ^ utf16_tag, std::uint64_t{2} * (tagged ^ utf16_tag), 2};
  return {StringOrigin::latin1, tagged, tagged, 2};
}

bool check_string(Failure& failure, const LiftLowerContext& side, std::uint32_t address, const Described& string) {
  if (string.bytes > max_byte_length) [[unlikely]]
    return failure.trap(concat("string pointer/length out of bounds of memory (string content out-of-bounds): ",
                               string.bytes, " bytes, the limit is ", max_byte_length));
  return check_pointer(failure, side, address, string.bytes, string.alignment, "string");
}

// One string on its way into `side`: the block realloc gave, and how to resize it.
struct Block {
  Failure& failure;
  LiftLowerContext& side;
  std::uint32_t address = 0;
  std::uint32_t size = 0;

  bool resize(std::uint64_t new_size, std::uint32_t alignment) {
    if (!reallocate(failure, side, address, size, alignment, new_size, "string", address)) return false;
    size = static_cast<std::uint32_t>(new_size);
    return true;
  }
  std::byte* bytes() const { return side.memory.base + address; }
};

// store_string_copy. UTF-8 text, written as `destination` says; exactly `bytes` bytes.
bool store_copy(Block& block, std::string_view text, StringOrigin destination, std::uint64_t bytes,
                std::uint32_t alignment) {
  if (!block.resize(bytes, alignment)) return false;
  if (bytes == 0) return true;
  std::size_t written = 0;
  switch (destination) {
    case StringOrigin::utf8: std::memcpy(block.bytes(), text.data(), text.size()); break;
    case StringOrigin::latin1: write_latin1(block.bytes(), text, written); break;
    default: write_utf16(block.bytes(), text); break;
  }
  return true;
}

// store_string_to_utf8: hopes for ASCII, else grows to the worst case, then shrinks.
bool store_to_utf8(Block& block, std::string_view text, std::uint64_t units, std::uint64_t worst_case) {
  if (!block.resize(units, 1)) return false;
  std::size_t ascii = ascii_prefix(text);
  if (ascii) std::memcpy(block.bytes(), text.data(), ascii);
  if (ascii == text.size()) return true;
  if (!block.resize(worst_case, 1)) return false;
  std::memcpy(block.bytes() + ascii, text.data() + ascii, text.size() - ascii);
  return worst_case == text.size() || block.resize(text.size(), 1);
}

bool store_utf8_to_utf16(Block& block, std::string_view text, std::uint32_t& units) {
  std::uint64_t worst_case = std::uint64_t{2} * text.size();
  if (!block.resize(worst_case, 2)) return false;
  std::size_t bytes = text.empty() ? 0 : write_utf16(block.bytes(), text);
  if (bytes < worst_case && !block.resize(bytes, 2)) return false;
  units = static_cast<std::uint32_t>(bytes / 2);
  return true;
}

// store_string_to_latin1_or_utf16: hopes for Latin-1, else inflates what stands there and goes on in UTF-16.
bool store_to_latin1_or_utf16(Block& block, std::string_view text, std::uint64_t source_units, std::uint32_t& tagged) {
  if (!block.resize(source_units, 2)) return false;
  std::size_t written = 0;
  std::size_t consumed = text.empty() ? 0 : write_latin1(block.bytes(), text, written);
  if (consumed == text.size()) {
    if (written < source_units && !block.resize(written, 2)) return false;
    tagged = static_cast<std::uint32_t>(written);
    return true;
  }
  std::uint64_t worst_case = 2 * source_units;
  if (!block.resize(worst_case, 2)) return false;
  for (std::size_t i = written; i-- > 0;) {
    block.bytes()[2 * i] = block.bytes()[i];
    block.bytes()[2 * i + 1] = std::byte{0};
  }
  std::uint64_t bytes = 2 * written + write_utf16(block.bytes() + 2 * written, text.substr(consumed));
  if (worst_case > bytes && !block.resize(bytes, 2)) return false;
  tagged = static_cast<std::uint32_t>(bytes / 2) | utf16_tag;
  return true;
}

// store_probably_utf16_to_latin1_or_utf16: the source used UTF-16, so probably has to.
bool store_probably_utf16(Block& block, std::string_view text, std::uint64_t source_units, std::uint32_t& tagged) {
  std::uint64_t bytes = 2 * source_units;
  if (!block.resize(bytes, 2)) return false;
  if (!text.empty()) write_utf16(block.bytes(), text);
  bool latin1 = true;
  for (std::uint64_t i = 0; i < source_units && latin1; ++i) latin1 = block.bytes()[2 * i + 1] == std::byte{0};
  if (!latin1) {
    tagged = static_cast<std::uint32_t>(source_units) | utf16_tag;
    return true;
  }
  for (std::uint64_t i = 0; i < source_units; ++i) block.bytes()[i] = block.bytes()[2 * i];
  tagged = static_cast<std::uint32_t>(source_units);
  return block.resize(source_units, 1);
}

}  // namespace

bool lift_string(Failure& failure, LiftLowerContext& side, std::uint32_t address, std::uint32_t tagged_length,
                 std::string& text, StringOrigin& origin) {
  Described string = describe(side.encoding, tagged_length);
  if (!check_string(failure, side, address, string)) return false;
  if (!spend(failure, side, string.bytes + sizeof(std::string))) return false;
  origin = string.origin;
  const std::byte* begin = side.memory.base + address;
  switch (string.origin) {
    case StringOrigin::utf8:
      if (!valid_utf8(failure, view(begin, string.units))) return false;
      text.assign(view(begin, string.units));
      return true;
    case StringOrigin::latin1: append_latin1(text, {begin, string.units}); return true;
    default: break;
  }
  text.reserve(string.units);
  std::size_t end = append_utf16(text, begin, string.units);
  return end == string.units || unpaired(failure, end);
}

bool lower_string(Failure& failure, LiftLowerContext& side, std::string_view text, StringOrigin origin,
                  std::uint32_t& address, std::uint32_t& tagged_length) {
  if (text.size() > max_byte_length) [[unlikely]]
    return failure.set(Code::limit,
                       concat("a string of ", text.size(), " bytes is too long, the limit is ", max_byte_length));
  Block block{failure, side};
  if (origin == StringOrigin::host) origin = StringOrigin::utf8;
  std::uint64_t units = origin == StringOrigin::utf8     ? text.size()
                        : origin == StringOrigin::latin1 ? code_point_count(text)
                                                         : utf16_length(text);
  bool done = false;
  switch (side.encoding) {
    case StringEncoding::utf8:
      tagged_length = static_cast<std::uint32_t>(text.size());
      if (origin == StringOrigin::utf8)
        done = store_copy(block, text, StringOrigin::utf8, text.size(), 1);
      else
        done = store_to_utf8(block, text, units, units * (origin == StringOrigin::latin1 ? 2 : 3));
      break;
    case StringEncoding::utf16:
      tagged_length = static_cast<std::uint32_t>(units);
      if (origin == StringOrigin::utf8)
        done = store_utf8_to_utf16(block, text, tagged_length);
      else
        done = store_copy(block, text, StringOrigin::utf16, 2 * units, 2);
      break;
    case StringEncoding::latin1_utf16:
      tagged_length = static_cast<std::uint32_t>(units);
      if (origin == StringOrigin::latin1)
        done = store_copy(block, text, StringOrigin::latin1, units, 2);
      else if (origin == StringOrigin::tagged_utf16)
        done = store_probably_utf16(block, text, units, tagged_length);
      else
        done = store_to_latin1_or_utf16(block, text, units, tagged_length);
      break;
  }
  address = block.address;
  return done;
}

bool copy_string(Failure& failure, LiftLowerContext& from, std::uint32_t from_address, std::uint32_t from_length,
                 LiftLowerContext& to, std::uint32_t& address, std::uint32_t& tagged_length) {
  Described string = describe(from.encoding, from_length);
  bool as_it_is = from.encoding == to.encoding && string.origin != StringOrigin::tagged_utf16;
  if (!as_it_is) {
    std::string text;
    StringOrigin origin{};
    return lift_string(failure, from, from_address, from_length, text, origin) &&
           lower_string(failure, to, text, origin, address, tagged_length);
  }
  if (!check_string(failure, from, from_address, string)) return false;
  const std::byte* begin = from.memory.base + from_address;
  if (string.origin == StringOrigin::utf8) {
    if (!valid_utf8(failure, view(begin, string.units))) return false;
  } else if (string.origin == StringOrigin::utf16) {
    if (std::size_t end = check_utf16(begin, string.units); end != string.units) return unpaired(failure, end);
  }
  if (!reallocate(failure, to, 0, 0, string.alignment, string.bytes, "string", address)) return false;
  // The base may be null for an empty memory, and both may lie in one.
  if (string.bytes) std::memmove(to.memory.base + address, from.memory.base + from_address, string.bytes);
  tagged_length = string.units;
  return true;
}

}  // namespace crank::component::detail
