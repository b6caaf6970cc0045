#include "crank/io/transport.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "crank/io/tls_internal.h"
#include "crank/io/transport_internal.h"

namespace crank::io::detail {
namespace {

Result<std::size_t> system_error(std::string_view what, int error) {
  return fail(Code::io, concat(what, ": ", std::strerror(error)));
}

}  // namespace

Transport::Socket::~Socket() { free_session(tls); }

Transport::Transport(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_->tcp.non_blocking(true, ignored);
  socket_->tcp.set_option(tcp::no_delay(true), ignored);
}
Transport::~Transport() { close(); }

void Transport::bind(TransportOwner& owner, std::weak_ptr<void> keep) {
  owner_ = &owner;
  keep_ = std::move(keep);
}

bool Transport::is_tls() const noexcept { return socket_->tls != nullptr; }

Result<> Transport::start_tls(const TlsContext& context, const std::string& server_name, bool as_client) {
  CRANK_TRY(socket_->tls, new_session(context, socket_->tcp.native_handle(), server_name, as_client));
  socket_->context = context;
  return {};
}

Attempt Transport::handshake() {
  switch (auto step = tls_handshake(socket_->tls); step.want) {
    case TlsStep::nothing: return std::move(step.result);
    case TlsStep::read: wait_readable(); return std::nullopt;
    case TlsStep::write: wait_writable(); return std::nullopt;
  }
  return std::nullopt;
}

Attempt Transport::read_now(std::span<std::byte> into) {
  if (!is_open()) return fail(Code::io, "receiving: the connection is closed");
  if (socket_->tls) {
    auto step = tls_read(socket_->tls, into);
    if (step.want == TlsStep::nothing) return std::move(step.result);
    if (step.want == TlsStep::write) wait_writable();
    return std::nullopt;
  }
  for (;;) {
    const auto n = ::recv(socket_->tcp.native_handle(), into.data(), into.size(), 0);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    return system_error("receiving", errno);
  }
}

Attempt Transport::write_now(std::span<const iovec> pieces) {
  if (!is_open()) return fail(Code::io, "sending: the connection is closed");
  if (socket_->tls) {
    std::size_t total = 0;
    for (auto& piece : pieces) {
      if (piece.iov_len == 0) continue;
      auto step = tls_write(socket_->tls, {static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
      if (step.want != TlsStep::nothing) {
        if (step.want == TlsStep::read) wait_readable();
        break;
      }
      if (!step.result) return std::move(step.result);
      total += *step.result;
      if (*step.result < piece.iov_len) break;
    }
    if (total == 0) return std::nullopt;
    return total;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  for (;;) {
    const auto n = ::sendmsg(socket_->tcp.native_handle(), &message, MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    return system_error("sending", errno);
  }
}

void Transport::wait_readable() {
  if (!wait_read_) arm(true);
}
void Transport::wait_writable() {
  if (!wait_write_) arm(false);
}

void Transport::arm(bool for_read) {
  auto keep = keep_.lock();
  if (!keep || !is_open()) return;
  bool& armed = for_read ? wait_read_ : wait_write_;
  armed = true;
  // The handler keeps the owner, and with it this transport, until the wait has ended: closing ends it with an error.
  socket_->tcp.async_wait(for_read ? tcp::socket::wait_read : tcp::socket::wait_write,
                          [this, keep = std::move(keep), for_read](error_code error) {
                            (for_read ? wait_read_ : wait_write_) = false;
                            if (error == asio::error::operation_aborted || !is_open()) return;
                            if (for_read)
                              owner_->on_readable();
                            else
                              owner_->on_writable();
                          });
}

void Transport::shutdown_send() noexcept {
  if (socket_->tls) tls_shutdown(socket_->tls);
  error_code ignored;
  socket_->tcp.shutdown(tcp::socket::shutdown_send, ignored);
}

void Transport::close() noexcept {
  error_code ignored;
  if (socket_->tcp.is_open()) socket_->tcp.close(ignored);
}

bool Transport::is_open() const noexcept { return socket_->tcp.is_open(); }

std::string Transport::peer() const {
  error_code error;
  auto endpoint = socket_->tcp.remote_endpoint(error);
  if (error) return "unknown";
  return concat(endpoint.address().to_string(), ":", endpoint.port());
}

}  // namespace crank::io::detail
