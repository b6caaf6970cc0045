#include "crank/io/server_connection.h"

#include <array>
#include <ctime>

namespace crank::io::detail {
namespace {

// What is thrown away of an unwanted request body before closing is the better answer.
constexpr std::uint64_t discard_budget = 256 * 1024;
constexpr auto linger_time = std::chrono::seconds(2);

bool belongs_to_connection(std::string_view name) {
  switch (name.size()) {
    case 7: return same_name(name, "upgrade");
    case 10: return same_name(name, "connection") || same_name(name, "keep-alive");
    case 16: return same_name(name, "proxy-connection");
    case 17: return same_name(name, "transfer-encoding");
    default: return false;
  }
}

std::span<std::byte> scratch() {
  static thread_local std::array<std::byte, 16 * 1024> bytes;
  return bytes;
}

}  // namespace

std::string_view ServerWorker::date_line() {
  const auto now = std::chrono::system_clock::now();
  if (now >= date_until) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    date_until = second + std::chrono::seconds(1);
    const std::time_t time = std::chrono::system_clock::to_time_t(second);
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    const auto size = std::strftime(text, sizeof text, "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    date.assign(text, size);
  }
  return date;
}

void ServerWorker::add(ServerConnection& c) {
  c.next = connections;
  if (connections) connections->previous = &c;
  connections = &c;
}

void ServerWorker::remove(ServerConnection& c) {
  (c.previous ? c.previous->next : connections) = c.next;
  if (c.next) c.next->previous = c.previous;
  c.previous = c.next = nullptr;
  if (count.fetch_sub(1, std::memory_order_acq_rel) == 1 && on_empty) on_empty();
}

ServerConnection::ServerConnection(std::shared_ptr<void> server, ServerWorker& worker, const HttpServerOptions& options,
                                   std::unique_ptr<Transport> transport)
    : server_(std::move(server)),
      worker_(worker),
      wire_(*worker.loop, std::move(transport), *this),
      options_(options),
      parser_(options.max_head) {
  worker_.add(*this);
}

ServerConnection::~ServerConnection() { worker_.remove(*this); }

void ServerConnection::start() {
  self_ = shared_from_this();
  peer_ = wire_.transport().peer();  // once it has gone nobody can say
  wire_.bind(weak_from_this());
  worker_.loop->watch(*this);
  if (options_.tls) {
    state_ = State::handshake;
    set_timeout(options_.head_timeout);
    if (!wire_.transport().start_tls(options_.tls, {}, false)) return close_now();
  }
  if (worker_.draining) draining_ = true;
  advance();
}

void ServerConnection::set_timeout(std::chrono::milliseconds timeout) { set_deadline(Clock::now() + timeout); }

void ServerConnection::advance() {
  if (advancing_) return;
  auto self = shared_from_this();
  advancing_ = true;
  while (state_ == State::handshake || state_ == State::idle || state_ == State::head) {
    if (state_ == State::handshake) {
      auto attempt = wire_.transport().handshake();
      if (!attempt) break;
      if (!*attempt || **attempt == 0) {
        close_now();
        break;
      }
      state_ = State::idle;
    }
    if (!wire_.input().empty()) {
      auto parsed = parser_.parse(wire_.input());
      if (!parsed) {
        if (parsed.error().code() == Code::limit)
          refuse_head();
        else
          refuse(400, concat(parsed.error().message(), "\n"));
        break;
      }
      wire_.consume(*parsed);
      if (parser_.done()) {
        // With nothing more at hand the socket is watched already: asking it again would be a system call for nothing.
        if (!begin_exchange() || (wire_.input().empty() && !wire_.transport().is_tls())) break;
        continue;
      }
      if (state_ == State::idle) {
        state_ = State::head;
        set_timeout(options_.head_timeout);
      }
    } else if (state_ == State::idle) {
      if (draining_) {
        close_now();
        break;
      }
      set_timeout(options_.idle_timeout);
    }
    auto attempt = wire_.fill();
    if (!attempt) break;
    if (!*attempt && attempt->error().code() == Code::limit) {
      refuse_head();
      break;
    }
    if (!*attempt || **attempt == 0) {
      close_now();
      break;
    }
  }
  advancing_ = false;
}

bool ServerConnection::begin_exchange() {
  const HeadFacts facts = parser_.facts();
  state_ = State::exchange;
  set_deadline(Clock::time_point::max());
  began_ = Clock::now();
  received_ = sent_ = discarded_ = 0;
  status_ = 0;
  discarding_ = response_done_ = false;
  if (spare_ && spare_.use_count() == 1) {
    // Pairs with the release of whoever let go of the exchange last, perhaps on another thread.
    std::atomic_thread_fence(std::memory_order_acquire);
    exchange_ = std::move(spare_);
  } else {
    exchange_ = std::make_shared<Exchange>();
  }
  Exchange& e = *exchange_;
  std::swap(e.request_, parser_.head());
  parser_.reset();
  e.connection_ = this;
  e.loop_ = worker_.loop;
  e.head_sent_ = false;
  e.tls_ = wire_.transport().is_tls();
  e.gone_ = nullptr;
  e.trailers_.clear();
  http_1_0_ = e.request_.http_1_0;
  keep_alive_ = facts.keep_alive && !draining_;
  continue_owed_ = facts.expects_continue && !http_1_0_;
  const BodyDecoder::Limits limits{options_.max_body, options_.max_trailers};
  e.request_length_ = facts.chunked ? std::nullopt : std::optional<std::uint64_t>(facts.content_length.value_or(0));
  e.has_body_ = facts.chunked || facts.content_length.value_or(0) > 0;
  if (facts.chunked)
    decoder_.start_chunked(limits);
  else
    decoder_.start_length(facts.content_length.value_or(0), limits);

  if (facts.content_length.value_or(0) > options_.max_body) {
    refuse(413, concat("the request's body has ", *facts.content_length, " bytes; at most ", options_.max_body,
                       " are allowed\n"));
    return false;
  }
  if (e.request_.method == "CONNECT") {
    refuse(501, "CONNECT is not served here\n");
    return false;
  }
  worker_.handler->on_request(exchange_);
  if (state_ == State::exchange && decoder_.done() && !response_done_) wire_.watch();
  return state_ != State::exchange && state_ != State::lingering && state_ != State::closed;
}

void ServerConnection::refuse_head() {
  refuse(431, concat("the request's head is larger than the ", options_.max_head, " bytes that are allowed\n"));
}

void ServerConnection::refuse(std::uint16_t status, std::string_view text) {
  if (!exchange_) {
    exchange_ = std::make_shared<Exchange>();
    exchange_->connection_ = this;
    exchange_->loop_ = worker_.loop;
    began_ = Clock::now();
  }
  state_ = State::exchange;
  keep_alive_ = false;
  respond(status, text);
  if (exchange_) discard();
}

void ServerConnection::respond(std::uint16_t status, std::string_view text) {
  Headers headers;
  headers.add("content-type", "text/plain; charset=utf-8");
  if (!send_head(status, headers, text.size())) return abort();
  if (response_has_body_ && !text.empty()) {
    if (!encoder_.before(text.size(), wire_.output())) return abort();
    wire_.output().append(text);
    sent_ += text.size();
  }
  finish(nullptr);
}

Result<> ServerConnection::send_head(std::uint16_t status, const Headers& headers,
                                     std::optional<std::uint64_t> length) {
  Exchange& e = *exchange_;
  if (e.head_sent_) return fail(Code::bad_state, "sending a response: its head was already sent");
  if (status < 200 || status > 999)
    return fail(Code::bad_argument, concat("sending a response: status ", status, " cannot end an exchange"));
  if (auto given = headers.find("content-length"); given.data()) {
    const auto parsed = parse_length(given);
    if (parsed < 0 || (length && *length != static_cast<std::uint64_t>(parsed)))
      return fail(Code::bad_argument, concat("sending a response: content-length '", given, "' is not the body's"));
    length = static_cast<std::uint64_t>(parsed);
  }
  status_ = status;
  e.head_sent_ = true;
  const bool no_body_status = status == 204 || status == 304;
  response_has_body_ = !no_body_status && e.request_.method != "HEAD";
  // With an unanswered Expect the client may or may not send its body: nobody can tell where the next request begins.
  if (continue_owed_ && !decoder_.done()) keep_alive_ = false;
  encoder_.start(length, !http_1_0_);
  if (response_has_body_ && encoder_.until_close()) keep_alive_ = false;

  std::string& out = wire_.output();
  const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10), ' '};
  out.append("HTTP/1.1 ").append(digits, 4).append(reason_of(status)).append("\r\n");
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (belongs_to_connection(name) || same_name(name, "content-length")) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (length && !no_body_status)
    out.append(concat("content-length: ", *length, "\r\n"));
  else if (!length && response_has_body_ && encoder_.is_chunked())
    out.append("transfer-encoding: chunked\r\n");
  if (!headers.has("date")) out.append(worker_.date_line());
  if (!keep_alive_)
    out.append("connection: close\r\n");
  else if (http_1_0_)
    out.append("connection: keep-alive\r\n");
  out.append("\r\n");
  wire_.flush_soon();
  return {};
}

Attempt ServerConnection::read(std::span<std::byte> into, ReadListener& listener) {
  if (discarding_) return fail(Code::io, "receiving a body: it was given up, because the exchange is being ended");
  if (continue_owed_ && !exchange_->head_sent_) {
    continue_owed_ = false;
    wire_.output().append("HTTP/1.1 100 Continue\r\n\r\n");
    wire_.flush_soon();
  }
  counter_.reader = &listener;
  auto attempt = wire_.read_body(decoder_, into, counter_);
  if (!attempt)
    set_timeout(options_.stall_timeout);
  else if (*attempt) {
    received_ += **attempt;
    if (decoder_.done()) maybe_over();
  }
  return attempt;
}

void ServerConnection::Counter::on_read(Result<std::size_t> bytes) {
  auto self = connection.shared_from_this();
  connection.set_deadline(Clock::time_point::max());
  if (bytes) connection.received_ += *bytes;
  std::exchange(reader, nullptr)->on_read(std::move(bytes));
  connection.maybe_over();
}
void ServerConnection::Counter::on_written(Result<std::size_t> bytes) {
  auto self = connection.shared_from_this();
  if (!connection.wire_.reading()) connection.set_deadline(Clock::time_point::max());
  if (bytes) connection.sent_ += *bytes;
  std::exchange(writer, nullptr)->on_written(std::move(bytes));
}

void ServerConnection::cancel_read() noexcept {
  wire_.cancel_read();
  counter_.reader = nullptr;
}

Attempt ServerConnection::write(std::span<const std::byte> bytes, WriteListener& listener) {
  if (!exchange_->head_sent_ || response_done_)
    return fail(Code::bad_state, "sending a body: there is no response under way");
  if (!response_has_body_) {
    // HEAD, 204, 304: the handler may write as for GET, nothing of it goes out.
    return bytes.size();
  }
  counter_.writer = &listener;
  auto attempt = wire_.write_body(encoder_, bytes, counter_);
  if (!attempt)
    set_timeout(options_.stall_timeout);
  else if (*attempt)
    sent_ += **attempt;
  return attempt;
}

std::size_t ServerConnection::cancel_write() noexcept {
  counter_.writer = nullptr;
  const auto taken = wire_.cancel_write();
  sent_ += taken;
  wire_.flush_soon();
  return taken;
}

void ServerConnection::finish(const Headers* trailers) {
  if (response_done_) return;
  if (!exchange_->head_sent_) return abort();
  if (response_has_body_ && !encoder_.end(trailers, wire_.output())) return abort();
  response_done_ = true;
  if (!wire_.drained()) {
    wire_.flush_soon();
    set_timeout(options_.stall_timeout);
  }
  maybe_over();
}

void ServerConnection::abort() noexcept {
  response_done_ = false;
  if (exchange_) exchange_->gone_ = nullptr;  // the handler itself gives up
  gone(Error(Code::io, "the response was broken off"));
}

void ServerConnection::discard() noexcept {
  discarding_ = true;
  if (decoder_.done()) return maybe_over();
  if (continue_owed_ || decoder_.remaining() > discard_budget) {
    keep_alive_ = false;
    return maybe_over();
  }
  drain_discarded();
}

void ServerConnection::drain_discarded() {
  while (!decoder_.done() && !wire_.broken() && !wire_.reading()) {
    auto attempt = wire_.read_body(decoder_, scratch(), discarder_);
    if (!attempt) {
      set_timeout(options_.stall_timeout);
      break;
    }
    if (!*attempt) {
      keep_alive_ = false;
      break;
    }
    discarded_ += **attempt;
    if (discarded_ > discard_budget) {
      keep_alive_ = false;
      break;
    }
  }
  maybe_over();
}

void ServerConnection::Discarder::on_read(Result<std::size_t> bytes) {
  auto self = connection.shared_from_this();
  if (bytes)
    connection.discarded_ += *bytes;
  else
    connection.keep_alive_ = false;
  if (!bytes || connection.discarded_ > discard_budget) {
    connection.keep_alive_ = false;
    return connection.maybe_over();
  }
  connection.drain_discarded();
}

void ServerConnection::maybe_over() {
  if (state_ != State::exchange || !response_done_) return;
  const bool body_over = decoder_.done() || (discarding_ && !keep_alive_);
  if (body_over) over(true);
}

void ServerConnection::over(bool complete) {
  auto self = shared_from_this();
  auto exchange = std::move(exchange_);
  exchange->connection_ = nullptr;
  exchange->gone_ = nullptr;
  if (!decoder_.trailers().empty()) exchange->trailers_ = decoder_.trailers();
  // Whoever still reads what nobody wants any more is told.
  if (auto* reader = std::exchange(counter_.reader, nullptr); reader && wire_.reading()) {
    wire_.cancel_read();
    reader->on_read(fail(Code::io, "receiving a body: the exchange is over"));
  }
  wire_.cancel_read();
  worker_.handler->on_complete({exchange->request_.method, exchange->request_.target, peer_, status_, received_, sent_,
                                Clock::now() - began_, complete});
  if (!complete) return close_now();
  spare_ = std::move(exchange);
  if (!keep_alive_ || draining_) {
    state_ = State::lingering;
    set_deadline(Clock::now() + linger_time + options_.stall_timeout);
    wire_.flush();
    return;
  }
  state_ = State::idle;
  set_timeout(options_.idle_timeout);
  // A TLS session may hold input that the socket no longer shows.
  if (!wire_.input().empty() || wire_.transport().is_tls())
    advance();
  else
    wire_.watch();
}

void ServerConnection::on_input() {
  switch (state_) {
    case State::handshake:
    case State::idle:
    case State::head: return advance();
    case State::exchange: {
      if (!decoder_.done()) return;  // nobody reads now: the body waits in the socket
      auto attempt = wire_.fill();
      if (!attempt) return;
      if (*attempt && **attempt > 0) return wire_.watch();
      if (!*attempt && attempt->error().code() == Code::limit) return;  // pipelined further ahead than we hold
      return gone(*attempt ? Error(Code::io, "the client disconnected") : std::move(attempt->error()));
    }
    case State::lingering: return linger();
    case State::closed: return;
  }
}

void ServerConnection::on_drained() {
  if (state_ == State::lingering) {
    wire_.transport().shutdown_send();
    set_deadline(Clock::now() + linger_time);
    linger();
  }
}

void ServerConnection::linger() {
  for (;;) {
    wire_.consume(wire_.input().size());
    auto attempt = wire_.fill();
    if (!attempt) return;
    if (!*attempt || **attempt == 0) return close_now();
    discarded_ += **attempt;
    if (discarded_ > 64 * discard_budget) return close_now();
  }
}

void ServerConnection::on_broken(const Error& why) {
  if (state_ == State::exchange) return gone(why);
  close_now();
}

void ServerConnection::on_progress() {
  if (deadline() != Clock::time_point::max() && state_ == State::exchange) set_timeout(options_.stall_timeout);
}

void ServerConnection::on_deadline() {
  auto self = shared_from_this();
  switch (state_) {
    case State::head: return refuse(408, "the request's head took too long\n");
    case State::exchange:
      if (wire_.reading() || wire_.writing() || !wire_.drained())
        return gone(Error(Code::deadline, "the client stalled in the middle of a body"));
      return;
    default: return close_now();
  }
}

void ServerConnection::gone(const Error& why) {
  if (state_ == State::closed || !exchange_) return close_now();
  auto self = shared_from_this();
  // Pending reads and writes of the handler hear of it before the handler does.
  if (auto* writer = std::exchange(counter_.writer, nullptr); writer && wire_.writing()) {
    wire_.cancel_write();
    writer->on_written(fail(why));
  }
  if (auto* reader = std::exchange(counter_.reader, nullptr); reader && wire_.reading()) {
    wire_.cancel_read();
    reader->on_read(fail(why));
  }
  if (!exchange_) return;
  if (auto gone = std::exchange(exchange_->gone_, nullptr)) gone(why);
  if (exchange_) over(false);
}

void ServerConnection::drain() {
  draining_ = true;
  if (state_ == State::idle && wire_.input().empty()) close_now();
  if (state_ == State::handshake) close_now();
}

void ServerConnection::close_now() {
  if (state_ == State::closed) return;
  auto self = shared_from_this();
  if (exchange_) {
    state_ = State::exchange;
    auto exchange = exchange_;
    if (auto gone = std::exchange(exchange->gone_, nullptr)) gone(Error(Code::io, "the connection was closed"));
    exchange->connection_ = nullptr;
    exchange_ = nullptr;
  }
  state_ = State::closed;
  worker_.loop->unwatch(*this);
  wire_.close();
  self_.reset();
}

}  // namespace crank::io::detail
