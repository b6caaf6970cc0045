#include "crank/reactor/http_address.h"

#include <charconv>

namespace crank::reactor {

Result<HttpAddress> parse_url(std::string_view url) {
  auto bad = [&](std::string_view why) {
    return fail(Code::bad_argument, concat("reading the URL \"", url.substr(0, 100), "\": ", why));
  };
  HttpAddress out;
  std::string_view rest = url;
  if (rest.starts_with("https://"))
    out.tls = true, rest.remove_prefix(8);
  else if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else
    return bad("it starts with neither http:// nor https://");
  std::size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  std::string_view target = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  target = target.substr(0, target.find('#'));
  if (authority.find('@') != std::string_view::npos) return bad("it carries a user name; credentials are the host's");
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad("the address does not end");
    host = authority.substr(1, end - 1);
    if (authority.size() > end + 1) {
      if (authority[end + 1] != ':') return bad("something follows the address");
      port = authority.substr(end + 2);
    }
  } else if (std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.empty()) return bad("it names no host");
  out.host = host;
  // Names of hosts are the same in either case; lists and cookies then need not care.
  for (char& c : out.host) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  out.port = out.tls ? 443 : 80;
  if (!port.empty()) {
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return bad("the port is no number");
  }
  out.target = target.empty() ? "/" : target.front() == '?' ? concat("/", target) : std::string(target);
  return out;
}

Result<HttpAddress> resolve_url(const HttpAddress& base, std::string_view location) {
  for (char c : location) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
      return fail(Code::protocol, "following a redirect: the location has a space or a control character");
  }
  std::string_view scheme = base.tls ? "https:" : "http:";
  if (location.find("://") < location.find_first_of("/?#")) return parse_url(location);
  if (location.starts_with("//")) return parse_url(concat(scheme, location));
  HttpAddress out = base;
  location = location.substr(0, location.find('#'));
  if (location.starts_with('/'))
    out.target = location;
  else if (location.starts_with('?'))
    out.target = concat(base.path(), location);
  else if (!location.empty())
    out.target = concat(base.path().substr(0, base.path().rfind('/') + 1), location);
  return out;
}

}  // namespace crank::reactor
