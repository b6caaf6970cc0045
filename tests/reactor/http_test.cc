// The guest's HTTP over TLS, against a local server with a test authority.
#include "crank/reactor/http.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/guest/twin.h"
#include "crank/io/http_server.h"
#include "crank/reactor/native_guest.h"
#include "tests/reactor/rig.h"

namespace crank::reactor {
namespace {

using ::testing::HasSubstr;
using testing::module_named;
using testing::must;
using testing::text;

/// A little site behind HTTPS, on a thread of its own.
class Site : io::HttpHandler {
 public:
  Site() {
    auto authority = must(io::TestAuthority::make("127.0.0.1"));
    authority_pem = authority.authority_pem;
    io::HttpServerOptions options;
    options.host = "127.0.0.1";
    options.port = 0;
    options.tls = must(io::TlsContext::server(authority.certificate_pem, authority.private_key_pem));
    std::atomic<bool> ready{false};
    thread_ = std::thread([&] {
      loop_.adopt_thread();
      server_ = must(io::HttpServer::listen(options, {{&loop_, this}}));
      port = server_->port();
      ready = true;
      ready.notify_one();
      loop_.run();
      server_.reset();
    });
    ready.wait(false);
  }
  ~Site() {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  std::string url(std::string_view path) const { return concat("https://127.0.0.1:", port, path); }

  std::string authority_pem;
  std::uint16_t port = 0;
  std::string seen_authorization, seen_cookie;
  std::atomic<int> requests{0};

 private:
  void on_request(std::shared_ptr<io::Exchange> exchange) override;
  io::EventLoop loop_;
  decltype(must(io::HttpServer::listen({}, {}))) server_;
  std::thread thread_;
};

}  // namespace
}  // namespace crank::reactor
