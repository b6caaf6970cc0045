// An HTTP/1.1 server: keep-alive, pipelining, chunked and sized bodies both ways, Expect: 100-continue, limits, time-outs.
//
//   accept (first worker) ──> the worker with the fewest connections: there the connection lives and dies
//   connection ──> Exchange ──> HttpHandler::on_request, on that worker ──> body in, head and body out ──> next request
//
// Bodies stream through the Exchange (crank/io/http_body.h). One request of a connection is served at a time; what a
// client sends ahead waits. Sources: RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crank/base/result.h"
#include "crank/io/event_loop.h"
#include "crank/io/http_body.h"
#include "crank/io/http_message.h"
#include "crank/io/tls.h"

namespace crank::io {

namespace detail {
class ServerConnection;
}

/// What became of one exchange, for the access log.
struct ExchangeRecord {
  std::string_view method, target, peer;
  std::uint16_t status = 0;              ///< 0: no answer was sent
  std::uint64_t received = 0, sent = 0;  ///< body bytes
  std::chrono::nanoseconds duration{};
  bool complete = false;  ///< false: broken off by either side
};

/// One request and its response. Used on its loop's thread. Whoever holds it may do so for ever: once the exchange is
/// over, reads and writes answer an error.
class Exchange final : public BodySource, public BodySink {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() = default;

  const RequestHead& request() const noexcept { return request_; }
  bool request_has_body() const noexcept { return has_body_; }
  /// Known from the head; nullopt for a chunked body.
  std::optional<std::uint64_t> request_length() const noexcept { return request_length_; }
  bool is_tls() const noexcept { return tls_; }
  std::string peer() const;

  /// Starts the response. `length`: of the body, if known; a content-length among the headers counts as one. Fields
  /// that belong to the connection (Connection, Transfer-Encoding …) are left out. Then write(), finish() or abort().
  Result<> send_head(std::uint16_t status, const Headers& headers, std::optional<std::uint64_t> length = std::nullopt);
  Result<> send_head(const ResponseHead& head, std::optional<std::uint64_t> length = std::nullopt) {
    return send_head(head.status, head.headers, length);
  }
  bool head_sent() const noexcept { return head_sent_; }
  /// Whole answer at once, for errors and small things.
  void respond(std::uint16_t status, std::string_view text);

  /// Nobody is there any more: the connection was closed, or the response is finished.
  bool over() const noexcept { return connection_ == nullptr; }
  /// `gone` runs once when the client disconnects or the connection breaks before the response is finished; not for
  /// the handler's own abort().
  void on_gone(std::move_only_function<void(const Error&)> gone);

  EventLoop& loop() noexcept override { return *loop_; }
  Attempt read(std::span<std::byte> into, ReadListener& listener) override;
  void cancel_read() noexcept override;
  const Headers& trailers() const noexcept override;
  void discard() noexcept override;
  Attempt write(std::span<const std::byte> bytes, WriteListener& listener) override;
  std::size_t cancel_write() noexcept override;
  void finish(const Headers* trailers = nullptr) override;
  void abort() noexcept override;

 private:
  friend class detail::ServerConnection;
  detail::ServerConnection* connection_ = nullptr;  // null once the exchange is over
  EventLoop* loop_ = nullptr;
  RequestHead request_;
  std::optional<std::uint64_t> request_length_;
  Headers trailers_;  // kept when the exchange is over
  std::move_only_function<void(const Error&)> gone_;
  bool has_body_ = false, tls_ = false, head_sent_ = false;
};

class HttpHandler {
 public:
  /// Takes the exchange over; answers now or later. Must not block.
  virtual void on_request(std::shared_ptr<Exchange> exchange) = 0;
  virtual void on_complete(const ExchangeRecord&) {}

 protected:
  ~HttpHandler() = default;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;                ///< 0: any free one
  TlsContext tls;                        ///< empty: plain
  std::size_t max_head = 16 * 1024 - 1;  ///< more: 431; at most 16 KiB
  std::uint64_t max_body = UINT64_MAX;   ///< more: 413
  std::size_t max_trailers = 16 * 1024;
  std::uint32_t max_connections = 16 * 1024;        ///< more wait in the kernel's queue
  std::chrono::milliseconds head_timeout{15'000};   ///< from the first byte of a head to its last
  std::chrono::milliseconds idle_timeout{75'000};   ///< between requests
  std::chrono::milliseconds stall_timeout{30'000};  ///< a body without progress, either way
};

class HttpServer {
 public:
  /// Where connections live: each worker's loop must be run by its thread until the server has stopped.
  struct Worker {
    EventLoop* loop;
    HttpHandler* handler;
  };
  /// Binds and listens. Errors say what to do about a port in use or forbidden, or a host that has no address.
  static Result<std::unique_ptr<HttpServer>> listen(HttpServerOptions options, std::vector<Worker> workers);
  /// Only after stop() has reported, or when no loop runs any more.
  ~HttpServer();

  std::uint16_t port() const noexcept;
  /// "127.0.0.1:8080"
  std::string address() const;
  std::size_t connections() const noexcept;
  /// Any thread, once: accepts no more, closes idle connections, lets requests in flight finish, then closes theirs.
  /// `stopped` runs on the first worker's loop when the last connection is gone.
  void stop(Callback stopped);
  /// Any thread: breaks off what stop() still waits for.
  void close_all();

  struct Impl;

 private:
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// "127.0.0.1:8080", "[::1]:80", "localhost:0"
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace crank::io
