// HTTP for guests, by the host's own client: its TLS, its cookies, its credentials, its list of hosts. The guest names a URL
// and fields; what the host adds never enters the guest's memory.
//
// - A host not on the list is refused before a name is looked up.
// - Credentials are added to requests for their host, over TLS only (or to loopback, for tests); a guest cannot override them.
// - Cookies are kept by origin, sent back, and neither shown to the guest nor taken from it.
// - A GET or HEAD that broke before its answer began is tried again, `retries` times, each after twice the time.
// - Redirects are followed, each by all of these rules anew; never from https to http.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crank/io/event_loop.h"
#include "crank/io/tls.h"
#include "crank/reactor/bridges.h"

namespace crank::reactor {

struct Credential {
  std::string host;   ///< "example.org", "*.example.org" or "127.0.0.1:8443"
  std::string field;  ///< "authorization"
  std::string value;
};

struct HttpGateOptions {
  io::TlsContext tls;                                     ///< empty: the system's authorities
  std::optional<std::vector<std::string>> allowed_hosts;  ///< nullopt: every host
  std::vector<Credential> credentials;
  bool cookies = true;
  std::size_t max_body = std::size_t{16} << 20;
  std::size_t chunk = 64 << 10;
  unsigned retries = 2;
  std::chrono::milliseconds retry_after{50};
  unsigned redirects = 5;  ///< 0: a redirect is an answer like any other
  std::chrono::milliseconds first_byte_timeout{30'000};
};

/// Uses the loop, on its thread; fetch() may be called from any, and returns when nothing of the exchange is left but the body it
/// handed out. Cancelling breaks the exchange off. The loop outlives the gate, and turns once more after it to close what is idle.
std::shared_ptr<HttpGate> make_http_gate(io::EventLoop& loop, HttpGateOptions options = {});
/// The same with a loop and a thread of its own, which the last owner's thread waits for.
std::shared_ptr<HttpGate> make_http_gate(HttpGateOptions options = {});

}  // namespace crank::reactor
