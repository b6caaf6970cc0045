// One connection's bytes, non-blocking: plain TCP or TLS over it. Users don't read this.
//
// Reading and writing are attempts straight between the socket and memory of the caller; when the socket has nothing to
// give, a readiness wait is armed instead of a read, so that no memory is promised to the kernel while a guest owns it.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "crank/io/http_body.h"
#include "crank/io/tls.h"

namespace crank::io::detail {

/// Called on the loop's thread. The transport keeps the owner alive while a wait is armed.
class TransportOwner {
 public:
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;

 protected:
  ~TransportOwner() = default;
};

class Transport {
 public:
  struct Socket;  // hides asio's

  explicit Transport(std::unique_ptr<Socket> socket);
  ~Transport();
  /// The owner outlives the transport, or is kept by `keep` while a wait is armed.
  void bind(TransportOwner& owner, std::weak_ptr<void> keep);
  /// TLS on top; `server_name` for a client (name indication and verification). Then handshake() until it is done.
  Result<> start_tls(const TlsContext& context, const std::string& server_name, bool as_client);
  /// Done now (any size), failed, or pending: on_readable or on_writable will come; call again.
  Attempt handshake();
  bool is_tls() const noexcept;

  /// Bytes, 0 at the end, an error, or nullopt: nothing there now.
  Attempt read_now(std::span<std::byte> into);
  /// Bytes taken (fewer than given when the socket is full), an error, or nullopt: nothing taken.
  Attempt write_now(std::span<const iovec> pieces);
  void wait_readable();
  void wait_writable();
  bool waits_readable() const noexcept { return wait_read_; }

  /// No more is written; the peer sees the end.
  void shutdown_send() noexcept;
  void close() noexcept;
  bool is_open() const noexcept;
  std::string peer() const;

 private:
  void arm(bool for_read);
  std::unique_ptr<Socket> socket_;
  TransportOwner* owner_ = nullptr;
  std::weak_ptr<void> keep_;
  bool wait_read_ = false, wait_write_ = false;
};

}  // namespace crank::io::detail
