// The heads of HTTP messages: header fields in order with their casing, requests, responses, and what may stand in them.
// Fields live in one flat buffer that keeps its memory when cleared, so a warm connection parses without malloc.
// Source: RFC 9110 section 5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crank::io {

struct Header {
  std::string_view name, value;
};

/// Header fields, or trailers. Views it hands out live until the next change.
class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  /// Removes every field of that name and says how many there were.
  std::size_t remove(std::string_view name);
  void clear() noexcept;

  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  Header operator[](std::size_t i) const noexcept;
  /// The first value of that name, or null data(); names compare without case.
  std::string_view find(std::string_view name) const noexcept;
  bool has(std::string_view name) const noexcept { return find(name).data() != nullptr; }
  /// Bytes of names and values together, for limits.
  std::size_t bytes() const noexcept { return live_bytes_; }
  /// Appends "name: value\r\n" for each.
  void write_to(std::string& out) const;

 private:
  struct Entry {
    std::uint32_t name, name_size, value_size;  // the value follows the name in text_
  };
  std::string text_;
  std::vector<Entry> entries_;
  std::size_t live_bytes_ = 0;
};

struct RequestHead {
  std::string method = "GET";
  std::string target = "/";  ///< as on the request line: origin form, or absolute form at a proxy
  bool http_1_0 = false;
  Headers headers;
};

struct ResponseHead {
  std::uint16_t status = 200;
  Headers headers;
};

/// Equal without regard to ASCII case.
bool same_name(std::string_view a, std::string_view b) noexcept;
/// A token (RFC 9110 section 5.6.2): methods and field names.
bool is_token(std::string_view text) noexcept;
/// No control characters but tab: what a field value may be.
bool is_field_value(std::string_view text) noexcept;
/// Whether a comma-separated list (of one or several fields) names `token`.
bool lists_token(const Headers& headers, std::string_view name, std::string_view token) noexcept;
/// A whole decimal number, or -1.
std::int64_t parse_length(std::string_view text) noexcept;
std::string_view reason_of(std::uint16_t status) noexcept;

}  // namespace crank::io
