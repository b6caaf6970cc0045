// One connection of the server. Users don't read this.
//
//   idle ──first byte──> head ──complete──> exchange ──both bodies over──> idle
//     └───────────────────┴── end, error, time-out ──────┴──> lingering ──> closed
// S1  At most one exchange; bytes that follow it stay in the input buffer.
// S2  The exchange is over when its response is finished and its request body is read to the end or discarded.
// S3  A connection that is to close after a response first sends all of it, then waits for the client's end, so that
//     unread input does not reset the response away.
// S4  It owns itself from start() to close_now(): an exchange under way may have no wait armed.
// S5  While the handler works and no body is read, the socket is watched: the client's end is a disconnect.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "crank/io/framing.h"
#include "crank/io/head_parser.h"
#include "crank/io/http_server.h"
#include "crank/io/wire.h"

namespace crank::io::detail {

struct ServerWorker;

class ServerConnection final : public std::enable_shared_from_this<ServerConnection>,
                               private WireOwner,
                               private Watched {
 public:
  /// `server` keeps `worker` and `options` alive.
  ServerConnection(std::shared_ptr<void> server, ServerWorker& worker, const HttpServerOptions& options,
                   std::unique_ptr<Transport> transport);
  ~ServerConnection();
  void start();
  /// Requests in flight finish, then it closes; idle ones close now.
  void drain();
  void close_now();
  std::string peer() const { return peer_; }

  Result<> send_head(std::uint16_t status, const Headers& headers, std::optional<std::uint64_t> length);
  void respond(std::uint16_t status, std::string_view text);
  Attempt read(std::span<std::byte> into, ReadListener& listener);
  void cancel_read() noexcept;
  const Headers& trailers() const noexcept { return decoder_.trailers(); }
  void discard() noexcept;
  Attempt write(std::span<const std::byte> bytes, WriteListener& listener);
  std::size_t cancel_write() noexcept;
  void finish(const Headers* trailers);
  void abort() noexcept;

  ServerConnection* previous = nullptr;  // the worker's list
  ServerConnection* next = nullptr;

 private:
  enum class State : std::uint8_t { handshake, idle, head, exchange, lingering, closed };
  void on_input() override;
  void on_drained() override;
  void on_broken(const Error& why) override;
  void on_progress() override;
  void on_deadline() override;

  void advance();
  bool begin_exchange();
  void refuse(std::uint16_t status, std::string_view text);
  void refuse_head();
  void set_timeout(std::chrono::milliseconds timeout);
  void maybe_over();
  void over(bool complete);
  void drain_discarded();
  void linger();
  void gone(const Error& why);

  const std::shared_ptr<void> server_;
  std::shared_ptr<ServerConnection> self_;  // S4
  ServerWorker& worker_;
  Wire wire_;
  const HttpServerOptions& options_;
  RequestParser parser_;
  BodyDecoder decoder_;
  BodyEncoder encoder_;
  std::shared_ptr<Exchange> exchange_, spare_;
  State state_ = State::idle;
  bool advancing_ = false, keep_alive_ = true, draining_ = false, discarding_ = false;
  bool response_done_ = false, response_has_body_ = false, continue_owed_ = false, http_1_0_ = false;
  std::uint16_t status_ = 0;
  std::uint64_t received_ = 0, sent_ = 0, discarded_ = 0;
  Clock::time_point began_;
  std::string peer_;

  struct Discarder final : ReadListener {
    explicit Discarder(ServerConnection& c) : connection(c) {}
    void on_read(Result<std::size_t> bytes) override;
    ServerConnection& connection;
  } discarder_{*this};
  // Counts what passes to the handler's listener.
  struct Counter final : ReadListener, WriteListener {
    explicit Counter(ServerConnection& c) : connection(c) {}
    void on_read(Result<std::size_t> bytes) override;
    void on_written(Result<std::size_t> bytes) override;
    ServerConnection& connection;
    ReadListener* reader = nullptr;
    WriteListener* writer = nullptr;
  } counter_{*this};
};

/// A worker's share of the server: used on its loop's thread, but for `count`.
struct ServerWorker {
  EventLoop* loop = nullptr;
  HttpHandler* handler = nullptr;
  ServerConnection* connections = nullptr;
  std::atomic<std::uint32_t> count{0};
  bool draining = false;
  std::string date;  // "Date: …\r\n" of this second
  std::chrono::system_clock::time_point date_until{};
  std::move_only_function<void()> on_empty;

  std::string_view date_line();
  void add(ServerConnection& connection);
  void remove(ServerConnection& connection);
};

}  // namespace crank::io::detail
