#include "crank/reactor/http.h"

#include <charconv>
#include <map>
#include <mutex>
#include <thread>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/io/http_client.h"

namespace crank::reactor {

namespace {

struct Address {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::string target;
  std::string origin() const { return concat(tls ? "https://" : "http://", host, ":", port); }
};

Result<Address> parse_url(std::string_view url) {
  auto bad = [&](std::string_view why) {
    return fail(Code::bad_argument, concat("reading the URL \"", url.substr(0, 100), "\": ", why));
  };
  Address out;
  std::string_view rest = url;
  if (rest.starts_with("https://"))
    out.tls = true, rest.remove_prefix(8);
  else if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else
    return bad("it starts with neither http:// nor https://");
  std::size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  std::string_view target = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  target = target.substr(0, target.find('#'));
  if (authority.find('@') != std::string_view::npos) return bad("it carries a user name; credentials are the host's");
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad("the address does not end");
    host = authority.substr(1, end - 1);
    if (authority.size() > end + 1) {
      if (authority[end + 1] != ':') return bad("something follows the address");
      port = authority.substr(end + 2);
    }
  } else if (std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.empty()) return bad("it names no host");
  out.host = host;
  out.port = out.tls ? 443 : 80;
  if (!port.empty()) {
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return bad("the port is no number");
  }
  out.target = target.empty() ? "/" : target.front() == '?' ? concat("/", target) : std::string(target);
  return out;
}

bool is_loopback(std::string_view host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

// One jar for all requests of a gate, by origin: stricter than cookie domains, and nothing leaks to another host.
class Jar {
 public:
  std::string header_for(const std::string& origin) const {
    std::string out;
    if (auto found = by_origin_.find(origin); found != by_origin_.end()) {
      for (const auto& [name, value] : found->second) out += concat(out.empty() ? "" : "; ", name, "=", value);
    }
    return out;
  }
  void take(const std::string& origin, std::string_view set_cookie) {
    std::string_view pair = set_cookie.substr(0, set_cookie.find(';'));
    std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos) return;
    std::string attributes(set_cookie.substr(pair.size()));
    for (char& c : attributes) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    auto& cookies = by_origin_[origin];
    std::string name(pair.substr(0, equals));
    if (attributes.find("max-age=0") != std::string::npos || attributes.find("max-age=-") != std::string::npos)
      cookies.erase(name);
    else if (cookies.size() < 64 && pair.size() <= 4096)
      cookies[name] = pair.substr(equals + 1);
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> by_origin_;
};

class Gate;

// One request from begin() to its answer, on the loop's thread. Keeps itself alive while the client may call it.
class Exchange final : public io::ClientListener,
                       public io::ReadListener,
                       public io::WriteListener,
                       public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<Gate> gate, Address address, HttpQuery query, Continuation<Result<HttpAnswer>> done)
      : gate_(std::move(gate)), address_(std::move(address)), query_(std::move(query)), done_(std::move(done)) {}

  void begin();
  void cancel();
  /// The next chunk of the body.
  void next(Continuation<Result<Bytes>> done);
  void let_go();

  void on_response(io::ClientCall& call) override;
  void on_failure(io::ClientFailure kind, const Error& why) override;
  void on_read(Result<std::size_t> bytes) override;
  void on_written(Result<std::size_t> bytes) override;

 private:
  void write_on();
  void read_all();
  bool take(Result<std::size_t> bytes);
  void answer(Result<HttpAnswer> result);
  void answer_chunk(Result<Bytes> result);

  std::shared_ptr<Gate> gate_;
  Address address_;
  HttpQuery query_;
  std::optional<Continuation<Result<HttpAnswer>>> done_;
  std::optional<Continuation<Result<Bytes>>> chunk_done_;
  std::shared_ptr<io::ClientCall> call_;
  std::shared_ptr<Exchange> self_;
  std::optional<io::Timer> timer_;
  HttpAnswer answer_;
  std::size_t written_ = 0, filled_ = 0;
  unsigned tries_ = 0;
  bool ended_ = false, cancelled_ = false;
};

class Gate final : public HttpGate, public std::enable_shared_from_this<Gate> {
 public:
  Gate(io::EventLoop* loop, HttpGateOptions options) : options_(std::move(options)) {
    if (loop == nullptr) {
      own_ = std::make_unique<Own>();
      loop = &own_->loop;
      own_->thread = std::thread([loop] { loop->run(); });
    }
    loop_ = loop;
  }
  ~Gate() override {
    if (!own_) return;
    // The client belongs to the loop's thread, and goes there.
    own_->loop.post([client = std::move(client_), loop = loop_]() mutable {
      client.reset();
      loop->stop();
    });
    if (std::this_thread::get_id() == own_->thread.get_id()) {
      own_->thread.detach();
      std::ignore = own_.release();  // the loop is still on this stack; it ends with the program
    } else {
      own_->thread.join();
    }
  }

  Task<Result<HttpAnswer>> fetch(HttpQuery query) override;

  io::EventLoop& loop() noexcept { return *loop_; }
  const HttpGateOptions& options() const noexcept { return options_; }
  io::HttpClient& client() {
    if (!client_) {
      io::HttpClientOptions o;
      o.tls = options_.tls;
      o.allowed_hosts = options_.allowed_hosts;
      o.max_body = options_.max_body;
      o.first_byte_timeout = options_.first_byte_timeout;
      client_ = std::make_unique<io::HttpClient>(*loop_, std::move(o));
    }
    return *client_;
  }
  Jar jar;  // loop's thread

 private:
  struct Own {
    io::EventLoop loop;
    std::thread thread;
  };
  HttpGateOptions options_;
  std::unique_ptr<Own> own_;
  io::EventLoop* loop_;
  std::unique_ptr<io::HttpClient> client_;  // loop's thread
};

class Body final : public HttpBody {
 public:
  explicit Body(std::shared_ptr<Exchange> exchange, std::shared_ptr<Gate> gate)
      : exchange_(std::move(exchange)), gate_(std::move(gate)) {}
  ~Body() override {
    gate_->loop().post([exchange = std::move(exchange_), gate = gate_] { exchange->let_go(); });
  }
  Task<Result<Bytes>> next() override {
    auto exchange = exchange_;
    auto gate = gate_;
    auto stop = on_cancel([exchange, gate]() noexcept { gate->loop().post([exchange] { exchange->cancel(); }); });
    co_return co_await with_continuation<Result<Bytes>>([&](Continuation<Result<Bytes>> done) {
      gate->loop().post([exchange, done = std::move(done)]() mutable { exchange->next(std::move(done)); });
    });
  }

 private:
  std::shared_ptr<Exchange> exchange_;
  std::shared_ptr<Gate> gate_;
};

void Exchange::begin() {
  const HttpGateOptions& options = gate_->options();
  if (cancelled_) return answer(fail(Code::cancelled, concat("asking ", address_.origin(), ": cancelled")));
  self_ = shared_from_this();
  io::ClientRequest request;
  request.tls = address_.tls;
  request.host = address_.host;
  request.port = address_.port;
  request.head.method = query_.method;
  request.head.target = address_.target;
  request.length = query_.body.size();
  auto is_ours = [&](std::string_view name) {
    if (io::same_name(name, "cookie") || io::same_name(name, "host") || io::same_name(name, "proxy-authorization"))
      return true;
    for (const Credential& credential : options.credentials) {
      if (io::same_name(name, credential.field) && io::host_matches(credential.host, address_.host, address_.port))
        return true;
    }
    return false;
  };
  for (const auto& [name, value] : query_.headers) {
    if (!is_ours(name)) request.head.headers.add(name, value);
  }
  if (address_.tls || is_loopback(address_.host)) {
    for (const Credential& credential : options.credentials) {
      if (io::host_matches(credential.host, address_.host, address_.port))
        request.head.headers.add(credential.field, credential.value);
    }
  }
  if (options.cookies) {
    if (std::string cookies = gate_->jar.header_for(address_.origin()); !cookies.empty())
      request.head.headers.add("cookie", cookies);
  }
  written_ = 0;
  call_ = gate_->client().send(std::move(request), *this);
  write_on();
}

void Exchange::write_on() {
  while (call_ && written_ < query_.body.size()) {
    io::Attempt attempt = call_->write(std::span(query_.body).subspan(written_), *this);
    if (!attempt) return;
    if (!*attempt) return;  // on_failure, or an early answer, says the rest
    written_ += **attempt;
  }
  if (call_) call_->finish();
}

void Exchange::on_written(Result<std::size_t> bytes) {
  if (!bytes) return;
  written_ += *bytes;
  write_on();
}

void Exchange::on_failure(io::ClientFailure kind, const Error& why) {
  call_.reset();
  bool again = (query_.method == "GET" || query_.method == "HEAD") && tries_ < gate_->options().retries &&
               (kind == io::ClientFailure::refused || kind == io::ClientFailure::terminated ||
                kind == io::ClientFailure::unreachable);
  if (again && !cancelled_) {
    timer_.emplace(gate_->loop());
    timer_->start(io::Clock::now() + gate_->options().retry_after * (1u << tries_++), [self = shared_from_this()] {
      self->timer_.reset();
      self->begin();
    });
    return;
  }
  Error error = why;
  Code code = kind == io::ClientFailure::denied ? Code::unsupported : why.code();
  answer(std::unexpected(std::move(error).wrap(code, concat("asking ", address_.origin(), " failed"))));
}

void Exchange::on_response(io::ClientCall& call) {
  const io::ResponseHead& head = call.response();
  answer_.status = head.status;
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    auto [name, value] = head.headers[i];
    if (io::same_name(name, "set-cookie")) {
      if (gate_->options().cookies) gate_->jar.take(address_.origin(), value);
    } else {
      answer_.headers.emplace_back(name, value);
    }
  }
  if (!call.response_has_body()) {
    ended_ = true;
    return answer(std::move(answer_));
  }
  if (query_.in_chunks) {
    answer_.rest = std::make_unique<Body>(shared_from_this(), gate_);
    return answer(std::move(answer_));
  }
  if (auto length = call.response_length(); length && *length <= gate_->options().max_body)
    answer_.body.reserve(*length);
  read_all();
}

void Exchange::read_all() {
  for (;;) {
    answer_.body.resize(filled_ + gate_->options().chunk);
    io::Attempt attempt = call_->read(std::span(answer_.body).subspan(filled_), *this);
    if (!attempt || !take(std::move(*attempt))) return;
  }
}

// True: read on.
bool Exchange::take(Result<std::size_t> bytes) {
  if (!bytes) return answer(std::unexpected(std::move(bytes).error())), false;
  filled_ += *bytes;
  answer_.body.resize(filled_);
  if (*bytes == 0) {
    ended_ = true;
    return answer(std::move(answer_)), false;
  }
  if (filled_ > gate_->options().max_body)
    return answer(fail(Code::limit, concat("the answer of ", address_.origin(), " is larger than ",
                                           gate_->options().max_body, " bytes"))),
           false;
  return true;
}

void Exchange::on_read(Result<std::size_t> bytes) {
  if (!chunk_done_) {
    if (take(std::move(bytes))) read_all();
    return;
  }
  if (!bytes) return answer_chunk(std::unexpected(std::move(bytes).error()));
  answer_.body.resize(*bytes);
  ended_ = *bytes == 0;
  answer_chunk(std::move(answer_.body));
}

void Exchange::next(Continuation<Result<Bytes>> done) {
  if (ended_) return done.resume(Result<Bytes>(Bytes()));
  if (!call_ || chunk_done_)
    return done.resume(Result<Bytes>(fail(Code::bad_state, "the body is gone, or is being read already")));
  chunk_done_.emplace(std::move(done));
  answer_.body.resize(gate_->options().chunk);
  if (io::Attempt attempt = call_->read(answer_.body, *this)) on_read(std::move(*attempt));
}

void Exchange::answer_chunk(Result<Bytes> result) {
  Continuation<Result<Bytes>> done = std::move(*chunk_done_);
  chunk_done_.reset();
  done.resume(std::move(result));
}

void Exchange::answer(Result<HttpAnswer> result) {
  bool reads_on = result && result->rest;
  if (done_) {
    Continuation<Result<HttpAnswer>> done = std::move(*done_);
    done_.reset();
    done.resume(std::move(result));
  }
  if (!reads_on) let_go();
}

void Exchange::cancel() {
  cancelled_ = true;
  timer_.reset();
  if (call_) call_->cancel_read();
  if (chunk_done_) answer_chunk(fail(Code::cancelled, "reading a response body: cancelled"));
  if (done_)
    answer(fail(Code::cancelled, concat("asking ", address_.origin(), ": cancelled")));
  else
    let_go();
}

void Exchange::let_go() {
  std::shared_ptr<Exchange> keep = std::move(self_);
  if (call_ && !ended_) call_->cancel();
  call_.reset();
}

Task<Result<HttpAnswer>> Gate::fetch(HttpQuery query) {
  auto gate = shared_from_this();
  auto address = parse_url(query.url);
  if (!address) co_return std::unexpected(std::move(address).error());
  std::shared_ptr<Exchange> exchange;
  std::mutex mutex;
  auto stop = on_cancel([&]() noexcept {
    std::lock_guard lock(mutex);
    if (exchange) gate->loop().post([exchange] { exchange->cancel(); });
  });
  co_return co_await with_continuation<Result<HttpAnswer>>([&](Continuation<Result<HttpAnswer>> done) {
    auto made = std::make_shared<Exchange>(gate, std::move(*address), std::move(query), std::move(done));
    {
      std::lock_guard lock(mutex);
      exchange = made;
    }
    gate->loop().post([made] { made->begin(); });
    if (is_cancelled()) gate->loop().post([made] { made->cancel(); });
  });
}

}  // namespace

std::shared_ptr<HttpGate> make_http_gate(io::EventLoop& loop, HttpGateOptions options) {
  return std::make_shared<Gate>(&loop, std::move(options));
}
std::shared_ptr<HttpGate> make_http_gate(HttpGateOptions options) {
  return std::make_shared<Gate>(nullptr, std::move(options));
}

}  // namespace crank::reactor
