#include "crank/io/http_server.h"

#include <algorithm>
#include <atomic>
#include <charconv>

#include "crank/io/server_connection.h"
#include "crank/io/transport_internal.h"

namespace crank::io {

using detail::ServerConnection;
using detail::ServerWorker;

std::string Exchange::peer() const { return connection_ ? connection_->peer() : std::string("unknown"); }

namespace {
Error over_error() {
  return Error(Code::io, "the exchange is over: the connection was closed or the response finished");
}
const Headers no_headers;
}  // namespace

Result<> Exchange::send_head(std::uint16_t status, const Headers& headers, std::optional<std::uint64_t> length) {
  return connection_ ? connection_->send_head(status, headers, length) : Result<>(fail(over_error()));
}
void Exchange::respond(std::uint16_t status, std::string_view text) {
  if (!connection_) return;
  if (head_sent_) return connection_->abort();
  auto* connection = connection_;
  connection->respond(status, text);
  if (connection_) connection->discard();
}
void Exchange::on_gone(std::move_only_function<void(const Error&)> gone) { gone_ = std::move(gone); }
Attempt Exchange::read(std::span<std::byte> into, ReadListener& listener) {
  if (!connection_) return fail(over_error());
  return connection_->read(into, listener);
}
void Exchange::cancel_read() noexcept {
  if (connection_) connection_->cancel_read();
}
const Headers& Exchange::trailers() const noexcept { return connection_ ? connection_->trailers() : trailers_; }
void Exchange::discard() noexcept {
  if (connection_) connection_->discard();
}
Attempt Exchange::write(std::span<const std::byte> bytes, WriteListener& listener) {
  if (!connection_) return fail(over_error());
  return connection_->write(bytes, listener);
}
std::size_t Exchange::cancel_write() noexcept { return connection_ ? connection_->cancel_write() : 0; }
void Exchange::finish(const Headers* trailers) {
  if (connection_) connection_->finish(trailers);
}
void Exchange::abort() noexcept {
  if (connection_) connection_->abort();
}

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  explicit Impl(HttpServerOptions o, asio::io_context& context)
      : options(std::move(o)), acceptor(context), retry(context) {}
  HttpServerOptions options;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  std::vector<std::unique_ptr<ServerWorker>> workers;
  std::uint16_t port = 0;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> busy_workers{0};
  Callback stopped;

  std::size_t connections() const {
    std::size_t sum = 0;
    for (auto& w : workers) sum += w->count.load(std::memory_order_relaxed);
    return sum;
  }

  void accept() {
    if (stopping.load(std::memory_order_acquire)) return;
    if (connections() >= options.max_connections) return try_again();
    ServerWorker* target =
        std::ranges::min_element(workers, {}, [](auto& w) { return w->count.load(std::memory_order_relaxed); })->get();
    acceptor.async_accept(
        target->loop->impl().context, [self = shared_from_this(), target](error_code error, tcp::socket socket) {
          if (error == asio::error::operation_aborted) return;
          if (error) return self->try_again();  // out of descriptors, say: others will close
          target->count.fetch_add(1, std::memory_order_acq_rel);
          auto start = [self, target, socket = std::move(socket)]() mutable {
            auto transport =
                std::make_unique<detail::Transport>(std::make_unique<detail::Transport::Socket>(std::move(socket)));
            std::make_shared<ServerConnection>(self, *target, self->options, std::move(transport))->start();
          };
          if (target->loop->on_loop_thread())
            start();
          else
            target->loop->post(std::move(start));
          self->accept();
        });
  }
  void try_again() {
    retry.expires_after(std::chrono::milliseconds(20));
    retry.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->accept();
    });
  }

  void on_each_worker(std::function<void(ServerWorker&)> what) {
    for (auto& worker : workers) worker->loop->post([self = shared_from_this(), w = worker.get(), what] { what(*w); });
  }
  void worker_empty() {
    if (busy_workers.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    workers.front()->loop->post([self = shared_from_this()] {
      if (auto job = std::exchange(self->stopped, nullptr)) job();
    });
  }
};

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() {
  impl_->stopping = true;
  error_code ignored;
  impl_->acceptor.close(ignored);
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpServerOptions options, std::vector<Worker> workers) {
  if (workers.empty()) return fail(Code::bad_argument, "starting an HTTP server: it needs at least one worker");
  options.max_head = std::min<std::size_t>(options.max_head, 16 * 1024 - 1);
  const std::string where = concat(
      options.host.find(':') == std::string::npos ? options.host : concat("[", options.host, "]"), ":", options.port);
  auto& context = workers.front().loop->impl().context;
  auto impl = std::make_shared<Impl>(std::move(options), context);
  error_code error;
  tcp::resolver resolver(context);
  auto found = resolver.resolve(impl->options.host, std::to_string(impl->options.port),
                                tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty())
    return fail(Code::io, concat("listening on ", where, ": '", impl->options.host, "' has no address (",
                                 error.message(), "); give one such as 127.0.0.1"));
  const tcp::endpoint endpoint = found.begin()->endpoint();
  if (!impl->acceptor.open(endpoint.protocol(), error))
    impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && !impl->acceptor.bind(endpoint, error)) impl->acceptor.listen(1024, error);
  if (error == asio::error::address_in_use)
    return fail(Code::io, concat("listening on ", where,
                                 ": the port is in use by another program; stop that one or choose another port"));
  if (error == asio::error::access_denied)
    return fail(Code::io, concat("listening on ", where, ": ports below 1024 need privileges; choose a higher one"));
  if (error) return fail(Code::io, concat("listening on ", where, ": ", error.message()));
  impl->port = impl->acceptor.local_endpoint().port();
  for (auto& w : workers) {
    auto made = std::make_unique<ServerWorker>();
    made->loop = w.loop;
    made->handler = w.handler;
    impl->workers.push_back(std::move(made));
  }
  workers.front().loop->post([impl] { impl->accept(); });
  return std::unique_ptr<HttpServer>(new HttpServer(impl));
}

std::uint16_t HttpServer::port() const noexcept { return impl_->port; }
std::string HttpServer::address() const {
  const auto& host = impl_->options.host;
  return host.find(':') == std::string::npos ? concat(host, ":", impl_->port) : concat("[", host, "]:", impl_->port);
}
std::size_t HttpServer::connections() const noexcept { return impl_->connections(); }

void HttpServer::stop(Callback stopped) {
  if (impl_->stopping.exchange(true, std::memory_order_acq_rel)) return;
  impl_->stopped = std::move(stopped);
  impl_->busy_workers = impl_->workers.size();
  impl_->workers.front()->loop->post([impl = impl_] {
    error_code ignored;
    impl->acceptor.close(ignored);
    impl->retry.cancel();
    // Only now, when no connection can be on its way to a worker any more but in its loop's queue, ahead of this.
    impl->on_each_worker([impl = impl.get()](ServerWorker& worker) {
      worker.draining = true;
      worker.on_empty = [impl, &worker] {
        worker.on_empty = nullptr;
        impl->worker_empty();
      };
      for (auto* c = worker.connections; c;) {
        auto* next = c->next;
        c->drain();
        c = next;
      }
      if (worker.count.load() == 0 && worker.on_empty) worker.on_empty();
    });
  });
}

void HttpServer::close_all() {
  impl_->on_each_worker([](ServerWorker& worker) {
    while (worker.connections) {
      auto* c = worker.connections;
      c->close_now();
      if (worker.connections == c) break;  // held by a handler further up this stack; it goes when that returns
    }
  });
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const auto host_end = bracketed ? text.find(']') : colon;
  HostPort parsed;
  if (colon != text.npos && host_end != text.npos && (!bracketed || colon == host_end + 1)) {
    auto host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, colon);
    auto port = text.substr(colon + 1);
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (error == std::errc() && end == port.data() + port.size() && !host.empty() &&
        (bracketed || host.find(':') == host.npos)) {
      parsed.host = host;
      return parsed;
    }
  }
  return fail(Code::bad_argument,
              concat("reading the address '", text, "': expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"));
}

}  // namespace crank::io
