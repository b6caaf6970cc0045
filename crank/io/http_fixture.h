// For tests: a server on a free port of loopback, handlers and clients that read and write bodies, raw sockets; one loop, one
// thread. Internal to the tests of this layer.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <random>

#include "crank/io/http_client.h"
#include "crank/io/http_server.h"

namespace crank::io {

inline std::span<std::byte> bytes_of(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}
inline std::span<const std::byte> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Reads a body to its end, then calls back.
struct Gather final : ReadListener {
  BodySource* source = nullptr;
  std::string buffer = std::string(5000, 0), body;
  std::optional<Error> error;
  bool done = false;
  std::move_only_function<void()> then;
  void start(BodySource& from) {
    source = &from;
    go();
  }
  void go() {
    for (;;) {
      auto attempt = source->read(bytes_of(buffer), *this);
      if (!attempt) return;
      if (take(std::move(*attempt))) return;
    }
  }
  bool take(Result<std::size_t> n) {
    if (!n)
      error = n.error();
    else
      body.append(buffer, 0, *n);
    if (n && *n) return false;
    done = true;
    if (then) then();
    return true;
  }
  void on_read(Result<std::size_t> n) override {
    if (!take(std::move(n))) go();
  }
};

// Writes a body in pieces, then calls back.
struct Scatter final : WriteListener {
  BodySink* sink = nullptr;
  std::string body;
  std::size_t at = 0, piece = 1u << 20;
  std::optional<Error> error;
  bool done = false;
  std::move_only_function<void()> then;
  void start(BodySink& to) {
    sink = &to;
    go();
  }
  void go() {
    while (at < body.size()) {
      auto attempt = sink->write(bytes_of(std::as_const(body)).subspan(at, std::min(piece, body.size() - at)), *this);
      if (!attempt) return;
      if (!take(std::move(*attempt))) return;
    }
    done = true;
    if (then) then();
  }
  bool take(Result<std::size_t> n) {
    if (n) {
      at += *n;
      return true;
    }
    error = n.error();
    done = true;
    return false;
  }
  void on_written(Result<std::size_t> n) override {
    if (take(std::move(n))) go();
  }
};

// Answers with what `answer` does; by default echoes the body.
struct Handler final : HttpHandler {
  std::function<void(std::shared_ptr<Exchange>)> answer = [this](std::shared_ptr<Exchange> e) { echo(std::move(e)); };
  std::vector<std::shared_ptr<Exchange>> held;
  std::vector<std::string> log;
  std::list<Gather> gathers;
  std::list<Scatter> scatters;
  void on_request(std::shared_ptr<Exchange> exchange) override { answer(std::move(exchange)); }
  void on_complete(const ExchangeRecord& r) override {
    log.push_back(concat(r.method, " ", r.target, " ", r.status, " ", r.received, " ", r.sent,
                         r.complete ? " complete" : " broken"));
  }
  void echo(std::shared_ptr<Exchange> e) {
    auto& gather = gathers.emplace_back();
    gather.then = [this, e, &gather] {
      if (gather.error) return e->respond(gather.error->code() == Code::limit ? 413 : 400, gather.error->message());
      ResponseHead head;
      head.headers.add("x-trailer", e->trailers().find("x-sum"));
      ASSERT_TRUE(e->send_head(head));
      auto& scatter = scatters.emplace_back();
      scatter.body = gather.body;
      scatter.then = [e] { e->finish(); };
      scatter.start(*e);
    };
    gather.start(*e);
  }
};

struct Listener final : ClientListener {
  std::optional<ClientFailure> failure;
  std::string why;
  ClientCall* call = nullptr;
  Gather gather;
  void on_response(ClientCall& c) override {
    call = &c;
    gather.start(c);
  }
  void on_failure(ClientFailure kind, const Error& error) override {
    failure = kind;
    why = error.to_string();
  }
  bool over() const { return failure || gather.done; }
};

struct HttpTest : ::testing::Test {
  EventLoop loop;
  Handler handler;
  std::unique_ptr<HttpServer> server;
  void serve(HttpServerOptions options = {}) {
    auto made = HttpServer::listen(options, {{&loop, &handler}});
    ASSERT_TRUE(made) << made.error().to_string();
    server = std::move(*made);
  }
  // Until the condition holds; a hang ends as a failure, not as a sleep.
  // `poll`: the condition looks at something the loop does not know, so it is asked again every millisecond.
  void until(std::function<bool()> condition, bool poll = false) {
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      loop.wait(poll ? Clock::now() + std::chrono::milliseconds(1) : deadline);
      ASSERT_LT(Clock::now(), deadline) << "nothing happens any more";
    }
  }
  ~HttpTest() override {
    if (!server) return;
    server->close_all();
    bool stopped = false;
    server->stop([&] { stopped = true; });
    until([&] { return stopped; });
  }
  int connect() {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    return fd;
  }
  // Sends everything, turning the loop while the socket is full or not connected yet.
  void send(int fd, std::string_view text) {
    until(
        [&] {
          const auto n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
          if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
          if (n < 0 && errno == EPIPE) text = {};
          return text.empty();
        },
        true);
  }
  // What came, until `enough` says so or the peer closed.
  std::string receive(int fd, std::function<bool(const std::string&)> enough = [](auto&) { return false; }) {
    std::string got;
    bool closed = false;
    until(
        [&] {
          char buffer[8192];
          const auto n = ::recv(fd, buffer, sizeof buffer, 0);
          if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
          closed = n == 0 || (n < 0 && errno != EAGAIN);
          return closed || enough(got);
        },
        true);
    return got;
  }
  static auto ends_with(std::string end) {
    return [end](const std::string& got) { return got.ends_with(end); };
  }
  static int count(std::string_view text, std::string_view what) {
    int n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
  }
  std::string exchange_raw(std::string_view request) {
    int fd = connect();
    send(fd, request);
    auto got = receive(fd);
    ::close(fd);
    return got;
  }
  ClientRequest request(std::string method, std::string target, std::optional<std::uint64_t> length = 0) {
    ClientRequest r;
    r.host = "127.0.0.1";
    r.port = server->port();
    r.head.method = std::move(method);
    r.head.target = std::move(target);
    r.length = length;
    return r;
  }
};

}  // namespace crank::io
