#include "crank/io/client_connection.h"

#include <algorithm>

#include "crank/io/transport_internal.h"

namespace crank::io::detail {
namespace {

ClientFailure kind_of_tls(const Error& why) {
  return why.code() == Code::verification ? ClientFailure::certificate : ClientFailure::tls;
}

bool skipped(std::string_view name) {
  return same_name(name, "connection") || same_name(name, "transfer-encoding") || same_name(name, "content-length") ||
         same_name(name, "keep-alive") || same_name(name, "upgrade") || same_name(name, "proxy-connection");
}

}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<HttpClient::Impl> client, std::string key)
    : client_(std::move(client)),
      key_(std::move(key)),
      resolver_(client_->loop.impl().context),
      parser_(client_->options.max_head) {}
ClientConnection::~ClientConnection() = default;

void ClientConnection::begin(std::shared_ptr<ClientCall> call, ClientRequest request, ClientListener& listener) {
  call_ = std::move(call);
  request_ = std::move(request);
  listener_ = &listener;
  call_->connection_ = shared_from_this();
  call_->loop_ = &client_->loop;
  sent_any_ = got_any_ = head_done_ = finish_wanted_ = request_done_ = response_over_ = false;
  keep_ = true;
  trailers_out_.reset();
  client_->loop.watch(*this);
  reused_ = state_ == State::idle;
  if (reused_) {
    state_ = State::busy;
    send_request();
    return;
  }
  state_ = State::connecting;
  set_timeout(request_.connect_timeout.value_or(client_->options.connect_timeout));
  resolve();
}

void ClientConnection::resolve() {
  error_code error;
  const auto port = request_.port ? request_.port : static_cast<std::uint16_t>(request_.tls ? 443 : 80);
  auto address = asio::ip::make_address(request_.host, error);
  if (!error) {
    endpoints_ = {tcp::endpoint(address, port)};
    return connect_next();
  }
  resolver_.async_resolve(request_.host, std::to_string(port), tcp::resolver::numeric_service,
                          [self = shared_from_this()](error_code failure, tcp::resolver::results_type found) {
                            if (self->state_ != State::connecting) return;
                            if (failure || found.empty())
                              return self->failed(
                                  ClientFailure::no_address,
                                  Error(Code::io, concat("connecting to ", self->request_.host,
                                                         ": the name has no address: ", failure.message())));
                            for (auto& entry : found) self->endpoints_.push_back(entry.endpoint());
                            self->connect_next();
                          });
}

void ClientConnection::connect_next() {
  if (next_endpoint_ == endpoints_.size()) {
    const bool refused = connect_error_.find("refused") != std::string::npos;
    return failed(
        refused ? ClientFailure::refused : ClientFailure::unreachable,
        Error(Code::io, concat("connecting to ", request_.host, ":", endpoints_.back().port(), ": ", connect_error_)));
  }
  connecting_.emplace(client_->loop.impl().context);
  connecting_->async_connect(endpoints_[next_endpoint_++], [self = shared_from_this()](error_code error) {
    if (self->state_ != State::connecting) return;
    if (error) {
      self->connect_error_ = error.message();
      return self->connect_next();
    }
    auto socket = std::move(*self->connecting_);
    self->connecting_.reset();
    self->connected(std::move(socket));
  });
}

void ClientConnection::connected(tcp::socket socket) {
  wire_.emplace(client_->loop, std::make_unique<Transport>(std::make_unique<Transport::Socket>(std::move(socket))),
                static_cast<WireOwner&>(*this));
  wire_->bind(weak_from_this());
  if (!request_.tls) {
    state_ = State::busy;
    return send_request();
  }
  state_ = State::handshake;
  if (!client_->options.tls) {
    auto made = TlsContext::client();
    if (!made) return failed(ClientFailure::tls, std::move(made).error());
    client_->options.tls = *made;
  }
  if (auto started = wire_->transport().start_tls(client_->options.tls, request_.host, true); !started)
    return failed(ClientFailure::tls, std::move(started).error());
  shake();
}

void ClientConnection::shake() {
  auto attempt = wire_->transport().handshake();
  if (!attempt) return;
  if (!*attempt) return failed(kind_of_tls(attempt->error()), std::move(attempt->error()));
  if (**attempt == 0)
    return failed(ClientFailure::tls,
                  Error(Code::io, concat("TLS handshake with ", request_.host, ": the connection closed")));
  state_ = State::busy;
  send_request();
}

void ClientConnection::send_request() {
  auto self = shared_from_this();
  encoder_.start(request_.length, true);
  parser_.reset(request_.head.method == "HEAD");
  std::string& out = wire_->output();
  out.append(request_.head.method).append(" ").append(request_.head.target).append(" HTTP/1.1\r\n");
  if (!request_.head.headers.has("host")) {
    const bool v6 = request_.host.find(':') != std::string::npos;
    out.append("host: ").append(v6 ? concat("[", request_.host, "]") : request_.host);
    if (request_.port) out.append(concat(":", request_.port));
    out.append("\r\n");
  }
  for (std::size_t i = 0; i < request_.head.headers.size(); ++i) {
    auto [name, value] = request_.head.headers[i];
    if (!skipped(name)) out.append(name).append(": ").append(value).append("\r\n");
  }
  const auto& method = request_.head.method;
  if (!request_.length)
    out.append("transfer-encoding: chunked\r\n");
  else if (*request_.length || (method != "GET" && method != "HEAD" && method != "DELETE" && method != "OPTIONS"))
    out.append(concat("content-length: ", *request_.length, "\r\n"));
  out.append("\r\n");
  wire_->flush_soon();
  set_timeout(request_.first_byte_timeout.value_or(client_->options.first_byte_timeout));
  wire_->watch();
  if (auto* writer = std::exchange(early_writer_, nullptr)) {
    auto attempt = write(std::exchange(early_, {}), *writer);
    if (attempt) writer->on_written(std::move(*attempt));
  }
  if (finish_wanted_ && call_) finish(trailers_out_ ? &*trailers_out_ : nullptr);
}

void ClientConnection::on_input() {
  if (state_ == State::handshake) return shake();
  if (state_ == State::idle) return close_now();  // the server closed it, or spoke out of turn
  if (state_ == State::busy && !head_done_) advance();
}

void ClientConnection::advance() {
  auto self = shared_from_this();
  while (state_ == State::busy && !head_done_) {
    if (!wire_->input().empty()) {
      auto parsed = parser_.parse(wire_->input());
      if (!parsed)
        return failed(parsed.error().code() == Code::limit ? ClientFailure::head_too_large : ClientFailure::protocol,
                      std::move(parsed).error());
      wire_->consume(*parsed);
      if (parser_.done()) {
        if (parser_.head().status == 101)
          return failed(ClientFailure::protocol,
                        Error(Code::protocol, "receiving a response: the server switched protocols unasked"));
        if (parser_.head().status < 200) {
          parser_.reset(request_.head.method == "HEAD");
          continue;
        }
        break;
      }
    }
    auto attempt = wire_->fill();
    if (!attempt) return;
    if (!*attempt || **attempt == 0)
      return failed(ClientFailure::terminated,
                    *attempt ? Error(Code::io, "receiving a response: the connection closed before its head")
                             : std::move(attempt->error()));
    got_any_ = true;
  }
  if (state_ != State::busy) return;
  head_done_ = true;
  set_deadline(Clock::time_point::max());
  const auto& facts = parser_.facts();
  keep_ = facts.keep_alive;
  const BodyDecoder::Limits limits{client_->options.max_body, 16 * 1024};
  if (parser_.has_no_body())
    decoder_.start_none();
  else if (facts.chunked)
    decoder_.start_chunked(limits);
  else if (facts.content_length)
    decoder_.start_length(*facts.content_length, limits);
  else
    decoder_.start_until_close(limits);
  if (!decoder_.done() && !facts.chunked && !facts.content_length) keep_ = false;
  std::swap(call_->response_, parser_.head());
  call_->has_body_ = !decoder_.done();
  call_->length_ = parser_.has_no_body() ? std::optional<std::uint64_t>(0) : facts.content_length;
  auto call = call_;
  std::exchange(listener_, nullptr)->on_response(*call);
  if (decoder_.done() && !response_over_) {
    response_over_ = true;
    maybe_over();
  }
}

Attempt ClientConnection::read(std::span<std::byte> into, ReadListener& listener) {
  if (!head_done_) return fail(Code::bad_state, "receiving a body: the response's head has not come");
  relay_.reader = &listener;
  auto attempt = wire_->read_body(decoder_, into, relay_);
  if (!attempt)
    set_timeout(request_.between_bytes_timeout.value_or(client_->options.between_bytes_timeout));
  else if (decoder_.done() || !*attempt) {
    if (!*attempt) keep_ = false;
    response_over_ = true;
    call_->trailers_ = decoder_.trailers();
    call_->body_ended_ = decoder_.done();
    maybe_over();
  }
  return attempt;
}

void ClientConnection::Relay::on_read(Result<std::size_t> bytes) {
  auto self = connection.shared_from_this();
  connection.set_deadline(Clock::time_point::max());
  if (!bytes || connection.decoder_.done()) {
    if (!bytes) connection.keep_ = false;
    connection.response_over_ = true;
    if (connection.call_) {
      connection.call_->trailers_ = connection.decoder_.trailers();
      connection.call_->body_ended_ = connection.decoder_.done();
    }
  }
  std::exchange(reader, nullptr)->on_read(std::move(bytes));
  connection.maybe_over();
}
void ClientConnection::Relay::on_written(Result<std::size_t> bytes) {
  auto self = connection.shared_from_this();
  std::exchange(writer, nullptr)->on_written(std::move(bytes));
}

void ClientConnection::cancel_read() noexcept {
  relay_.reader = nullptr;
  if (wire_) wire_->cancel_read();
}

void ClientConnection::discard() noexcept {
  if (!call_ || response_over_) return;
  keep_ = false;
  response_over_ = true;
  cancel_read();
  maybe_over();
}

Attempt ClientConnection::write(std::span<const std::byte> bytes, WriteListener& listener) {
  if (state_ != State::busy) {
    early_ = bytes;
    early_writer_ = &listener;
    return std::nullopt;
  }
  sent_any_ = true;
  relay_.writer = &listener;
  auto attempt = wire_->write_body(encoder_, bytes, relay_);
  if (!attempt && head_done_)
    set_timeout(request_.between_bytes_timeout.value_or(client_->options.between_bytes_timeout));
  return attempt;
}

std::size_t ClientConnection::cancel_write() noexcept {
  if (std::exchange(early_writer_, nullptr)) {
    early_ = {};
    return 0;
  }
  relay_.writer = nullptr;
  const auto taken = wire_ ? wire_->cancel_write() : 0;
  if (wire_) wire_->flush_soon();
  return taken;
}

void ClientConnection::finish(const Headers* trailers) {
  if (request_done_) return;
  if (state_ != State::busy) {
    finish_wanted_ = true;
    if (trailers) trailers_out_ = *trailers;
    return;
  }
  if (auto ended = encoder_.end(trailers, wire_->output()); !ended) return cancel();
  wire_->flush_soon();
  request_done_ = true;
  maybe_over();
}

void ClientConnection::cancel() noexcept {
  if (!call_) return close_now();
  const Error why(Code::cancelled, "the HTTP call was cancelled");
  listener_ = nullptr;
  fail_body(why);
}

void ClientConnection::fail_body(const Error& why) {
  auto self = shared_from_this();
  auto* reader = std::exchange(relay_.reader, nullptr);
  auto* writer = std::exchange(relay_.writer, nullptr);
  const bool early = early_writer_ != nullptr;
  if (early) writer = std::exchange(early_writer_, nullptr);
  const bool reading = reader && wire_ && wire_->reading();
  const bool writing = writer && (early || !wire_ || wire_->writing());
  cancel_read();
  if (wire_) wire_->cancel_write();
  early_ = {};
  auto call = std::move(call_);
  if (call) call->connection_ = nullptr;
  close_now();
  if (writing) writer->on_written(fail(why));
  if (reading) reader->on_read(fail(why));
}

void ClientConnection::failed(ClientFailure kind, Error why) {
  auto self = shared_from_this();
  if (reused_ && !got_any_ && !sent_any_ && request_.length == 0u && listener_ && kind == ClientFailure::terminated) {
    auto call = std::move(call_);  // K2
    auto* listener = std::exchange(listener_, nullptr);
    auto request = std::move(request_);
    const bool finished = request_done_ || finish_wanted_;
    call->connection_ = nullptr;
    auto client = client_;
    close_now();
    auto* retried = call.get();
    client->dispatch(std::move(call), std::move(request), *listener, false);
    if (finished) retried->finish();
    return;
  }
  auto* listener = std::exchange(listener_, nullptr);
  fail_body(why);
  if (listener) listener->on_failure(kind, why);
}

void ClientConnection::maybe_over() {
  if (!call_ || !response_over_ || (!request_done_ && keep_)) return;
  auto self = shared_from_this();
  if (!keep_ || !request_done_) return fail_body(Error(Code::io, "the response is over and its connection closed"));
  auto call = std::move(call_);
  call->connection_ = nullptr;
  state_ = State::idle;
  set_timeout(client_->options.idle_timeout);
  wire_->watch();
  client_->put_back(self);
}

void ClientConnection::on_broken(const Error& why) {
  // A server may answer and close while we still send; its answer may be waiting to be read.
  if (state_ == State::busy && !head_done_) {
    advance();
    if (head_done_ || state_ != State::busy) return;
  }
  if (call_ && head_done_ && !response_over_) {
    keep_ = false;
    return;  // the reader finds what is left, then the end
  }
  if (state_ == State::busy && listener_) return failed(ClientFailure::terminated, why);
  if (call_) return fail_body(why);
  close_now();
}

void ClientConnection::on_progress() {
  // A long upload is no silence: what counts is the time since the last byte in either direction.
  if (deadline() == Clock::time_point::max() || state_ != State::busy) return;
  set_timeout(head_done_ ? request_.between_bytes_timeout.value_or(client_->options.between_bytes_timeout)
                         : request_.first_byte_timeout.value_or(client_->options.first_byte_timeout));
}

void ClientConnection::on_deadline() {
  auto self = shared_from_this();
  switch (state_) {
    case State::connecting:
    case State::handshake:
      return failed(ClientFailure::connect_timeout,
                    Error(Code::deadline, concat("connecting to ", request_.host, ": no answer in time")));
    case State::busy:
      if (!head_done_)
        return failed(ClientFailure::first_byte_timeout,
                      Error(Code::deadline, concat("waiting for ", request_.host, ": no response in time")));
      if (wire_->reading() || wire_->writing())
        return fail_body(Error(Code::deadline, concat("exchanging bodies with ", request_.host, ": it stalled")));
      return;
    default: return close_now();
  }
}

void ClientConnection::close_now() {
  if (state_ == State::closed) return;
  auto self = shared_from_this();
  const bool was_idle = state_ == State::idle;
  state_ = State::closed;
  client_->loop.unwatch(*this);
  resolver_.cancel();
  if (connecting_) {
    error_code ignored;
    connecting_->close(ignored);
  }
  if (wire_) wire_->close();
  if (was_idle) client_->forget(*this);
}

}  // namespace crank::io::detail
