// An HTTP/1.1 client: connections kept and reused, TLS, deadlines, an allow-list of hosts, bodies streamed both ways.
//
//   client.send(request, listener) ──> ClientCall: the request's body is written to it (BodySink), and after
//   listener.on_response the response's body is read from it (BodySource)
//
// A client belongs to one loop and is used on its thread; a worker has its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
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
class ClientConnection;
}

/// Why a call got no response; finer than Code, because wasi:http tells guests the difference.
enum class ClientFailure : std::uint8_t {
  denied,       ///< the host is not on the allow-list
  bad_request,  ///< method, target or a field cannot be sent
  no_address,   ///< the name has no address
  refused,      ///< nobody listens there
  unreachable,
  connect_timeout,
  certificate,  ///< refused by our trust settings
  tls,
  terminated,          ///< the connection broke before the response's head
  first_byte_timeout,  ///< no head in time
  protocol,            ///< what came is not HTTP/1.1
  head_too_large,
  cancelled,
};

struct ClientRequest {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;  ///< 0: 80, or 443 with TLS
  /// A Host field is added from host and port unless it is there; the connection's own fields are left out.
  RequestHead head;
  /// Of the body; nullopt: not known, sent in chunks. 0: none.
  std::optional<std::uint64_t> length = 0;
  std::optional<std::chrono::nanoseconds> connect_timeout, first_byte_timeout, between_bytes_timeout;
};

class ClientCall;
class ClientListener {
 public:
  /// The head has come; the body can be read.
  virtual void on_response(ClientCall& call) = 0;
  /// No response will come. Later calls on the ClientCall answer errors.
  virtual void on_failure(ClientFailure kind, const Error& why) = 0;

 protected:
  ~ClientListener() = default;
};

class ClientCall final : public BodySource, public BodySink {
 public:
  ClientCall() = default;
  ClientCall(const ClientCall&) = delete;
  ClientCall& operator=(const ClientCall&) = delete;
  ~ClientCall() = default;

  const ResponseHead& response() const noexcept { return response_; }
  bool response_has_body() const noexcept { return has_body_; }
  std::optional<std::uint64_t> response_length() const noexcept { return length_; }
  /// Nobody wants the answer: closes the connection; the listener is not called any more.
  void cancel() noexcept;

  EventLoop& loop() noexcept override { return *loop_; }
  Attempt read(std::span<std::byte> into, ReadListener& listener) override;
  void cancel_read() noexcept override;
  const Headers& trailers() const noexcept override { return trailers_; }
  void discard() noexcept override;
  Attempt write(std::span<const std::byte> bytes, WriteListener& listener) override;
  std::size_t cancel_write() noexcept override;
  void finish(const Headers* trailers = nullptr) override;
  void abort() noexcept override;

 private:
  friend class detail::ClientConnection;
  std::shared_ptr<detail::ClientConnection> connection_;  // null once the call is over
  EventLoop* loop_ = nullptr;
  ResponseHead response_;
  std::optional<std::uint64_t> length_;
  Headers trailers_;
  bool has_body_ = false, body_ended_ = false;
};

struct HttpClientOptions {
  TlsContext tls;  ///< empty: made with the system's authorities when first needed
  /// "example.org", "*.example.org", "127.0.0.1:8080"; nullopt: every host.
  std::optional<std::vector<std::string>> allowed_hosts;
  std::size_t max_head = 16 * 1024 - 1;
  std::uint64_t max_body = UINT64_MAX;
  std::size_t idle_connections = 64;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds first_byte_timeout{60'000};
  std::chrono::milliseconds between_bytes_timeout{60'000};
  std::chrono::milliseconds idle_timeout{30'000};
};

class HttpClient {
 public:
  HttpClient(EventLoop& loop, HttpClientOptions options = {});
  ~HttpClient();  ///< closes what is idle; calls under way go on

  /// The listener must live until it was called or the call was cancelled. It is never called from within send().
  std::shared_ptr<ClientCall> send(ClientRequest request, ClientListener& listener);
  std::size_t idle_connections() const noexcept;
  EventLoop& loop() noexcept;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

/// Whether an allow-list entry covers a host and port.
bool host_matches(std::string_view pattern, std::string_view host, std::uint16_t port) noexcept;

}  // namespace crank::io
