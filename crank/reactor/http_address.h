// Internal: where an HTTP request goes: a URL of the guest's, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crank/base/result.h"

namespace crank::reactor {

struct HttpAddress {
  bool tls = false;
  std::string host;  ///< of an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string target;  ///< path and query
  std::string origin() const { return concat(tls ? "https://" : "http://", host, ":", port); }
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  bool is_loopback() const { return host.starts_with("127.") || host == "::1" || host == "localhost"; }
};

/// An absolute URL; a fragment is dropped, a user name refused.
Result<HttpAddress> parse_url(std::string_view url);
/// What a Location field names, seen from `base`.
Result<HttpAddress> resolve_url(const HttpAddress& base, std::string_view location);

}  // namespace crank::reactor
