// Which texts may stand in a request target (RFC 3986, RFC 9110 section 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crank::wasi {

/// "/a?b", "?b", "*" or nothing; no fragment, no spaces or controls.
bool is_path_with_query(std::string_view text) noexcept;
bool is_scheme(std::string_view text) noexcept;
/// [user@]host[:port]
bool is_authority(std::string_view text) noexcept;

struct Authority {
  std::string host;
  std::uint16_t port = 0;  ///< 0: the scheme's own
  bool has_user = false;
};
std::optional<Authority> parse_authority(std::string_view text);

}  // namespace crank::wasi
