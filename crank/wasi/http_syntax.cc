#include "crank/wasi/http_syntax.h"

#include <algorithm>
#include <charconv>

namespace crank::wasi {
namespace {

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool is_path_with_query(std::string_view text) noexcept {
  if (text.empty() || text == "*") return true;
  if (text.front() != '/' && text.front() != '?') return false;
  return std::ranges::all_of(text, [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u != 0x7f && c != '#';
  });
}

bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && is_alpha(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

std::optional<Authority> parse_authority(std::string_view text) {
  Authority parsed;
  if (const auto at = text.rfind('@'); at != text.npos) {
    parsed.has_user = true;
    text.remove_prefix(at + 1);
  }
  std::string_view host = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return std::nullopt;
    host = text.substr(1, end - 1);
    auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
    if (!std::ranges::all_of(host, [](char c) {
          return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        }))
      return std::nullopt;
  } else if (const auto colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (host.empty()) return std::nullopt;
  if (!text.starts_with('[') && !std::ranges::all_of(host, [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
      }))
    return std::nullopt;
  if (has_port && !port.empty()) {
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  }
  parsed.host = host;
  return parsed;
}

bool is_authority(std::string_view text) noexcept { return parse_authority(text).has_value(); }

}  // namespace crank::wasi
