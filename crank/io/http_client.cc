#include "crank/io/http_client.h"

#include <algorithm>

#include "crank/io/client_connection.h"

namespace crank::io {

using detail::ClientConnection;

HttpClient::HttpClient(EventLoop& loop, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {}
HttpClient::~HttpClient() {
  while (!impl_->idle.empty()) {
    auto connection = impl_->idle.back();
    connection->close_now();
  }
}
EventLoop& HttpClient::loop() noexcept { return impl_->loop; }
std::size_t HttpClient::idle_connections() const noexcept { return impl_->idle.size(); }

std::shared_ptr<ClientCall> HttpClient::send(ClientRequest request, ClientListener& listener) {
  auto call = std::make_shared<ClientCall>();
  ClientConnection::attach(*call, impl_->loop);
  std::optional<std::pair<ClientFailure, Error>> refused;
  const auto& allowed = impl_->options.allowed_hosts;
  const auto port = request.port ? request.port : static_cast<std::uint16_t>(request.tls ? 443 : 80);
  if (allowed &&
      std::ranges::none_of(*allowed, [&](auto& pattern) { return host_matches(pattern, request.host, port); }))
    refused = {ClientFailure::denied,
               Error(Code::bad_argument, concat("sending a request to ", request.host, ":", port,
                                                ": that host is not allowed; allow it with --allow-host"))};
  else if (request.host.empty() || !is_token(request.head.method) || request.head.target.empty() ||
           request.head.target.find_first_of(" \r\n\t") != std::string::npos)
    refused = {ClientFailure::bad_request,
               Error(Code::bad_argument, "sending a request: its method, target or host cannot be sent")};
  if (refused) {
    // Never from within send(): the caller has not even got the call yet.
    impl_->loop.post([call, &listener, refused = std::move(*refused)] {
      if (call.use_count() > 1) listener.on_failure(refused.first, refused.second);
    });
    return call;
  }
  impl_->dispatch(call, std::move(request), listener, true);
  return call;
}

void HttpClient::Impl::dispatch(std::shared_ptr<ClientCall> call, ClientRequest request, ClientListener& listener,
                                bool may_reuse) {
  std::string key = concat(request.tls ? "https " : "http ", request.host, " ", request.port);
  if (may_reuse) {
    for (auto it = idle.rbegin(); it != idle.rend(); ++it) {
      if ((*it)->key() != key) continue;
      auto connection = *it;
      idle.erase(std::next(it).base());
      return connection->begin(std::move(call), std::move(request), listener);
    }
  }
  std::make_shared<ClientConnection>(shared_from_this(), std::move(key))
      ->begin(std::move(call), std::move(request), listener);
}

void HttpClient::Impl::put_back(std::shared_ptr<ClientConnection> connection) {
  idle.push_back(std::move(connection));
  if (idle.size() > options.idle_connections) {
    auto oldest = idle.front();
    oldest->close_now();
  }
}

void HttpClient::Impl::forget(ClientConnection& connection) {
  std::erase_if(idle, [&](auto& c) { return c.get() == &connection; });
}

namespace {
Error over_error() { return Error(Code::io, "the HTTP call is over"); }
}  // namespace

Attempt ClientCall::read(std::span<std::byte> into, ReadListener& listener) {
  if (!connection_) return has_body_ && !body_ended_ ? Attempt(fail(over_error())) : Attempt(std::size_t{0});
  return connection_->read(into, listener);
}
void ClientCall::cancel_read() noexcept {
  if (connection_) connection_->cancel_read();
}
void ClientCall::discard() noexcept {
  if (auto connection = connection_) connection->discard();
}
Attempt ClientCall::write(std::span<const std::byte> bytes, WriteListener& listener) {
  if (!connection_) return fail(over_error());
  return connection_->write(bytes, listener);
}
std::size_t ClientCall::cancel_write() noexcept { return connection_ ? connection_->cancel_write() : 0; }
void ClientCall::finish(const Headers* trailers) {
  if (auto connection = connection_) connection->finish(trailers);
}
void ClientCall::abort() noexcept { cancel(); }
void ClientCall::cancel() noexcept {
  if (auto connection = connection_) connection->cancel();
}

bool host_matches(std::string_view pattern, std::string_view host, std::uint16_t port) noexcept {
  const auto colon = pattern.rfind(':');
  if (colon != pattern.npos && pattern.find(':') == colon) {
    if (parse_length(pattern.substr(colon + 1)) != port) return false;
    pattern = pattern.substr(0, colon);
  }
  if (pattern == "*") return true;
  if (pattern.starts_with("*.")) {
    const auto suffix = pattern.substr(1);
    return host.size() > suffix.size() && same_name(host.substr(host.size() - suffix.size()), suffix);
  }
  return same_name(pattern, host);
}

}  // namespace crank::io
