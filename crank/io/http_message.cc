#include "crank/io/http_message.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace crank::io {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

void Headers::add(std::string_view name, std::string_view value) {
  const auto at = static_cast<std::uint32_t>(text_.size());
  text_.append(name).append(value);
  entries_.push_back({at, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
  live_bytes_ += name.size() + value.size();
}

std::size_t Headers::remove(std::string_view name) {
  const auto before = entries_.size();
  std::erase_if(entries_, [&](const Entry& e) {
    if (!same_name({text_.data() + e.name, e.name_size}, name)) return false;
    live_bytes_ -= e.name_size + e.value_size;
    return true;
  });
  if (entries_.empty()) text_.clear();
  // A set-and-delete loop must not grow the buffer for ever: dead text is squeezed out once it outweighs the living.
  if (text_.size() > 4096 && text_.size() > 2 * live_bytes_) {
    std::string kept;
    kept.reserve(live_bytes_);
    for (auto& e : entries_) {
      const auto at = static_cast<std::uint32_t>(kept.size());
      kept.append(text_, e.name, e.name_size + e.value_size);
      e.name = at;
    }
    text_ = std::move(kept);
  }
  return before - entries_.size();
}

void Headers::clear() noexcept {
  text_.clear();
  entries_.clear();
  live_bytes_ = 0;
}

Header Headers::operator[](std::size_t i) const noexcept {
  const Entry& e = entries_[i];
  return {{text_.data() + e.name, e.name_size}, {text_.data() + e.name + e.name_size, e.value_size}};
}

std::string_view Headers::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (auto header = (*this)[i]; same_name(header.name, name)) return header.value;
  return {};
}

void Headers::write_to(std::string& out) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto [name, value] = (*this)[i];
    out.append(name).append(": ").append(value).append("\r\n");
  }
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return token_table[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
  });
}

bool lists_token(const Headers& headers, std::string_view name, std::string_view token) noexcept {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [field, value] = headers[i];
    if (!same_name(field, name)) continue;
    for (std::size_t at = 0; at <= value.size();) {
      const auto comma = std::min(value.find(',', at), value.size());
      if (same_name(trimmed(value.substr(at, comma - at)), token)) return true;
      at = comma + 1;
    }
  }
  return false;
}

std::int64_t parse_length(std::string_view text) noexcept {
  std::int64_t length = -1;
  text = trimmed(text);
  if (text.empty() || text.front() < '0' || text.front() > '9') return -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size() ? length : -1;
}

std::string_view reason_of(std::uint16_t status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

}  // namespace crank::io
