// Building sentences: `concat("expected ", want, " got ", got)` without <format>, which neither wasm32 guests nor
// the host's standard library have. Runs anywhere; the only allocation is the returned string.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace crank {

namespace detail {

inline void append_one(std::string& out, std::string_view text) { out.append(text); }
inline void append_one(std::string& out, const char* text) { out.append(text ? text : "(null)"); }
inline void append_one(std::string& out, char c) { out.push_back(c); }
inline void append_one(std::string& out, bool b) { out.append(b ? "true" : "false"); }

template <class T>
  requires(std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>)
void append_one(std::string& out, T value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

template <class T>
  requires std::floating_point<T>
void append_one(std::string& out, T value) {
  out.append(std::to_string(value));
}

template <class T>
  requires std::is_enum_v<T>
void append_one(std::string& out, T value) {
  append_one(out, static_cast<std::underlying_type_t<T>>(value));
}

inline void append_one(std::string& out, const void* pointer) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, reinterpret_cast<std::uintptr_t>(pointer), 16).ptr;
  out.append("0x").append(digits, end);
}

}  // namespace detail

/// Joins text, numbers, enumerators (as numbers) and pointers into one string, with nothing in between.
template <class... Parts>
[[nodiscard]] std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append_one(out, parts), ...);
  return out;
}

/// A text of several lines as one: indentation and empty lines go, "; " (after a colon " ") stands for the ends of lines.
[[nodiscard]] inline std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    auto first = line.find_first_not_of(" \t\r");
    if (first == line.npos) continue;
    line = line.substr(first, line.find_last_not_of(" \t\r") + 1 - first);
    if (!out.empty()) out.append(out.back() == ':' ? " " : "; ");
    out.append(line);
  }
  return out;
}

}  // namespace crank
