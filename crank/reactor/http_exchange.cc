#include "crank/reactor/http_exchange.h"

#include <algorithm>

namespace crank::reactor {

namespace {

bool can_be_repeated(std::string_view method) { return method == "GET" || method == "HEAD"; }

bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

CookieJar::Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

io::HttpClient& GateState::ready_client() {
  if (!client) {
    io::HttpClientOptions o;
    o.tls = options.tls;
    o.allowed_hosts = options.allowed_hosts;
    o.max_body = options.max_body;
    o.first_byte_timeout = options.first_byte_timeout;
    client = std::make_unique<io::HttpClient>(loop, std::move(o));
  }
  return *client;
}

void HttpExchange::begin(Continuation<Result<HttpAnswer>> done) {
  done_.emplace(std::move(done));
  self_ = shared_from_this();
  if (cancelled_) return answer(fail(Code::cancelled, concat("asking ", address_.origin(), ": cancelled")));
  attempt();
}

// What the guest asked for, with what the host adds and without what only the host may say.
io::ClientRequest HttpExchange::request() const {
  const HttpGateOptions& options = gate_->options;
  io::ClientRequest out;
  out.tls = address_.tls;
  out.host = address_.host;
  out.port = address_.port;
  out.head.method = query_.method;
  out.head.target = address_.target;
  out.length = query_.body.size();
  auto is_for_here = [&](const Credential& credential) {
    return io::host_matches(credential.host, address_.host, address_.port);
  };
  auto is_ours = [&](std::string_view name) {
    if (io::same_name(name, "cookie") || io::same_name(name, "host") || io::same_name(name, "proxy-authorization"))
      return true;
    return std::ranges::any_of(options.credentials,
                               [&](const auto& c) { return io::same_name(name, c.field) && is_for_here(c); });
  };
  for (const auto& [name, value] : query_.headers) {
    if (!is_ours(name)) out.head.headers.add(name, value);
  }
  if (address_.tls || address_.is_loopback()) {
    for (const Credential& credential : options.credentials) {
      if (is_for_here(credential)) out.head.headers.add(credential.field, credential.value);
    }
  }
  if (options.cookies) {
    if (std::string cookies = gate_->jar.header_for(address_.origin(), address_.path(), now()); !cookies.empty())
      out.head.headers.add("cookie", cookies);
  }
  return out;
}

void HttpExchange::attempt() {
  written_ = 0;
  call_ = gate_->ready_client().send(request(), *this);
  write_on();
}

void HttpExchange::write_on() {
  while (call_ && written_ < query_.body.size()) {
    io::Attempt attempt = call_->write(std::span(query_.body).subspan(written_), *this);
    if (!attempt) return;
    if (!*attempt) return;  // on_failure, or an early answer, says the rest
    written_ += **attempt;
  }
  if (call_) call_->finish();
}

void HttpExchange::on_written(Result<std::size_t> bytes) {
  if (!bytes) return;
  written_ += *bytes;
  write_on();
}

void HttpExchange::on_failure(io::ClientFailure kind, const Error& why) {
  call_.reset();
  bool again = can_be_repeated(query_.method) && tries_ < gate_->options.retries &&
               (kind == io::ClientFailure::refused || kind == io::ClientFailure::terminated ||
                kind == io::ClientFailure::unreachable);
  if (again) {
    timer_.emplace(gate_->loop);
    timer_->start(io::Clock::now() + gate_->options.retry_after * (1u << tries_++), [self = shared_from_this()] {
      self->timer_.reset();
      self->attempt();
    });
    return;
  }
  Error error = why;
  Code code = kind == io::ClientFailure::denied ? Code::unsupported : why.code();
  std::string tried = tries_ == 0 ? std::string() : concat(" (tried ", tries_ + 1, " times)");
  answer(std::unexpected(std::move(error).wrap(code, concat("asking ", address_.origin(), " failed", tried))));
}

void HttpExchange::on_response(io::ClientCall& call) {
  const io::ResponseHead& head = call.response();
  answer_.status = head.status;
  answer_.headers.clear();
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    auto [name, value] = head.headers[i];
    if (!io::same_name(name, "set-cookie"))
      answer_.headers.emplace_back(name, value);
    else if (gate_->options.cookies)
      gate_->jar.take(address_.origin(), address_.path(), value, now());
  }
  if (follow(call)) return;
  if (!call.response_has_body()) {
    ended_ = true;
    return answer(std::move(answer_));
  }
  if (query_.in_chunks) {
    streams_ = true;
    return answer(std::move(answer_));
  }
  if (auto length = call.response_length(); length && *length <= gate_->options.max_body) answer_.body.reserve(*length);
  read_all();
}

// True: the answer said to ask elsewhere, and that is under way, or has failed.
bool HttpExchange::follow(io::ClientCall& call) {
  const io::ResponseHead& head = call.response();
  std::string_view location = head.headers.find("location");
  if (!is_redirect(head.status) || location.empty() || gate_->options.redirects == 0) return false;
  auto there = resolve_url(address_, location);
  if (hops_++ >= gate_->options.redirects)
    there = fail(Code::limit, concat("more than ", gate_->options.redirects, " redirects"));
  else if (there && address_.tls && !there->tls)
    there = fail(Code::unsupported, "the redirect leads from https to http");
  if (!there) {
    Code code = there.error().code();
    answer(std::unexpected(std::move(there).error().wrap(code, concat("asking ", address_.origin(), " failed"))));
    return true;
  }
  bool drops_body = head.status == 303 || (head.status <= 302 && query_.method == "POST");
  if (drops_body && query_.method != "HEAD") {
    query_.method = "GET";
    query_.body.clear();
    std::erase_if(query_.headers, [](const auto& field) {
      return io::same_name(field.first, "content-type") || io::same_name(field.first, "content-length");
    });
  }
  // What the guest says to prove who it is, it says to the one it asked.
  if (there->origin() != address_.origin())
    std::erase_if(query_.headers, [](const auto& field) { return io::same_name(field.first, "authorization"); });
  ended_ = !call.response_has_body();
  drop_call();
  ended_ = false;
  address_ = std::move(*there);
  tries_ = 0;
  // Not from inside the client's call.
  gate_->loop.post([self = shared_from_this()] {
    if (self->self_) self->attempt();
  });
  return true;
}

void HttpExchange::read_all() {
  for (;;) {
    answer_.body.resize(filled_ + gate_->options.chunk);
    io::Attempt attempt = call_->read(std::span(answer_.body).subspan(filled_), *this);
    if (!attempt || !take(std::move(*attempt))) return;
  }
}

// True: read on.
bool HttpExchange::take(Result<std::size_t> bytes) {
  if (!bytes) return answer(std::unexpected(std::move(bytes).error())), false;
  filled_ += *bytes;
  answer_.body.resize(filled_);
  if (*bytes == 0) {
    ended_ = true;
    return answer(std::move(answer_)), false;
  }
  if (filled_ > gate_->options.max_body)
    return answer(fail(Code::limit, concat("the answer of ", address_.origin(), " is larger than ",
                                           gate_->options.max_body, " bytes"))),
           false;
  return true;
}

void HttpExchange::on_read(Result<std::size_t> bytes) {
  if (!streams_) {
    if (take(std::move(bytes))) read_all();
    return;
  }
  if (!chunk_done_) return;
  if (!bytes) return answer_chunk(std::unexpected(std::move(bytes).error()));
  answer_.body.resize(*bytes);
  ended_ = *bytes == 0;
  answer_chunk(std::exchange(answer_.body, {}));
}

void HttpExchange::next(std::uint64_t read, Continuation<Result<Bytes>> done) {
  if (ended_) return done.resume(Result<Bytes>(Bytes()));
  if (read <= cancelled_read_)
    return done.resume(Result<Bytes>(fail(Code::cancelled, "reading a response body: cancelled")));
  if (!call_ || chunk_done_)
    return done.resume(Result<Bytes>(fail(Code::bad_state, "the body is gone, or is being read already")));
  reading_ = read;
  chunk_done_.emplace(std::move(done));
  answer_.body.resize(gate_->options.chunk);
  if (io::Attempt attempt = call_->read(answer_.body, *this)) on_read(std::move(*attempt));
}

void HttpExchange::cancel_next(std::uint64_t read) {
  cancelled_read_ = std::max(cancelled_read_, read);
  if (!chunk_done_ || reading_ != read) return;
  if (call_) call_->cancel_read();
  answer_chunk(fail(Code::cancelled, "reading a response body: cancelled"));
}

void HttpExchange::answer_chunk(Result<Bytes> result) {
  Continuation<Result<Bytes>> done = std::move(*chunk_done_);
  chunk_done_.reset();
  done.resume(std::move(result));
}

// Rule 3.
void HttpExchange::answer(Result<HttpAnswer> result) {
  if (!done_) return;
  Continuation<Result<HttpAnswer>> done = std::move(*done_);
  done_.reset();
  std::shared_ptr<HttpExchange> keep = self_;
  if (!streams_ || !result) let_go();
  done.resume(std::move(result));
}

void HttpExchange::cancel() {
  cancelled_ = true;
  answer(fail(Code::cancelled, concat("asking ", address_.origin(), ": cancelled")));
}

void HttpExchange::let_go() {
  std::shared_ptr<HttpExchange> keep = std::move(self_);
  timer_.reset();
  drop_call();
  if (chunk_done_) answer_chunk(fail(Code::cancelled, "reading a response body: it was closed"));
}

// An exchange that is over leaves its connection to be used again; any other breaks it off.
void HttpExchange::drop_call() {
  std::shared_ptr<io::ClientCall> call = std::move(call_);
  if (!call || (ended_ && written_ >= query_.body.size())) return;
  call->cancel_read();
  call->cancel();
}

}  // namespace crank::reactor
