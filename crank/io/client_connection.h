// One connection of the client. Users don't read this.
//
//   resolving ─> connecting ─> handshake ─> busy ──both bodies over──> idle (in the pool) ─> busy …
//        └───────────┴────────────┴─ failure ─┴──> closed
// K1  Writes and the end of the body that come before the connection stands are remembered and sent then.
// K2  A kept connection that breaks before a byte of the response came, with no body to send, is tried once more on a
//     new one: the server closed it while it was idle.
// K3  It goes back to the pool only when both bodies are over and the server wants to keep it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "crank/io/asio_internal.h"
#include "crank/io/framing.h"
#include "crank/io/head_parser.h"
#include "crank/io/http_client.h"
#include "crank/io/wire.h"

namespace crank::io {

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  explicit Impl(EventLoop& l, HttpClientOptions o) : loop(l), options(std::move(o)) {}
  EventLoop& loop;
  HttpClientOptions options;
  std::vector<std::shared_ptr<detail::ClientConnection>> idle;  // newest last
  void dispatch(std::shared_ptr<ClientCall> call, ClientRequest request, ClientListener& listener, bool may_reuse);
  void put_back(std::shared_ptr<detail::ClientConnection> connection);
  void forget(detail::ClientConnection& connection);
};

namespace detail {

class ClientConnection final : public std::enable_shared_from_this<ClientConnection>,
                               private WireOwner,
                               private Watched {
 public:
  ClientConnection(std::shared_ptr<HttpClient::Impl> client, std::string key);
  ~ClientConnection();
  const std::string& key() const noexcept { return key_; }

  /// Starts the call on this connection, which is new (then it connects first) or idle.
  void begin(std::shared_ptr<ClientCall> call, ClientRequest request, ClientListener& listener);
  static void attach(ClientCall& call, EventLoop& loop) { call.loop_ = &loop; }
  void close_now();

  Attempt read(std::span<std::byte> into, ReadListener& listener);
  void cancel_read() noexcept;
  void discard() noexcept;
  Attempt write(std::span<const std::byte> bytes, WriteListener& listener);
  std::size_t cancel_write() noexcept;
  void finish(const Headers* trailers);
  void cancel() noexcept;

 private:
  enum class State : std::uint8_t { fresh, connecting, handshake, busy, idle, closed };
  void on_input() override;
  void on_drained() override {}
  void on_broken(const Error& why) override;
  void on_progress() override;
  void on_deadline() override;

  void resolve();
  void connect_next();
  void connected(tcp::socket socket);
  void shake();
  void send_request();
  void advance();
  void failed(ClientFailure kind, Error why);
  void maybe_over();
  void fail_body(const Error& why);
  void set_timeout(std::chrono::nanoseconds timeout) {
    // Saturates: a guest may ask for 2^63 nanoseconds.
    set_deadline(timeout > std::chrono::hours(24 * 365)
                     ? Clock::time_point::max()
                     : Clock::now() + std::chrono::duration_cast<Clock::duration>(timeout));
  }

  std::shared_ptr<HttpClient::Impl> client_;
  std::string key_;
  State state_ = State::fresh;
  tcp::resolver resolver_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  std::optional<tcp::socket> connecting_;
  std::string connect_error_;
  std::optional<Wire> wire_;
  ResponseParser parser_;
  BodyDecoder decoder_;
  BodyEncoder encoder_;

  std::shared_ptr<ClientCall> call_;
  ClientRequest request_;
  ClientListener* listener_ = nullptr;  // until the head came or the call failed
  bool reused_ = false, sent_any_ = false, got_any_ = false, keep_ = true, head_done_ = false;
  bool finish_wanted_ = false, request_done_ = false, response_over_ = false;
  std::optional<Headers> trailers_out_;
  std::span<const std::byte> early_;  // K1
  WriteListener* early_writer_ = nullptr;

  struct Relay final : ReadListener, WriteListener {
    explicit Relay(ClientConnection& c) : connection(c) {}
    void on_read(Result<std::size_t> bytes) override;
    void on_written(Result<std::size_t> bytes) override;
    ClientConnection& connection;
    ReadListener* reader = nullptr;
    WriteListener* writer = nullptr;
  } relay_{*this};
};

}  // namespace detail
}  // namespace crank::io
