// A little site behind HTTPS on loopback, with a throw-away authority, on a thread of its own.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "crank/io/http_server.h"
#include "crank/io/tls.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor::testing {

class Site final : io::HttpHandler {
 public:
  Site() {
    auto authority = must(io::TestAuthority::make("127.0.0.1"));
    authority_pem = authority.authority_pem;
    io::HttpServerOptions options;
    options.tls = must(io::TlsContext::server(authority.certificate_pem, authority.private_key_pem));
    server_ = must(io::HttpServer::listen(options, {{&loop_, this}}));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Site() {
    loop_.stop();
    thread_.join();
    server_.reset();
  }
  std::uint16_t port() const { return server_->port(); }
  std::string url(std::string_view path) const { return concat("https://127.0.0.1:", port(), path); }

  std::string authority_pem;
  std::mutex mutex;  // guards what was seen
  std::string authorization, cookie;
  int requests = 0;

 private:
  void on_request(std::shared_ptr<io::Exchange> exchange) override {
    const io::RequestHead& head = exchange->request();
    {
      std::lock_guard lock(mutex);
      authorization = head.headers.find("authorization");
      cookie = head.headers.find("cookie");
      ++requests;
    }
    if (head.target == "/report") {
      io::Headers headers;
      headers.add("content-type", "application/json");
      headers.add("set-cookie", "session=s3cr3t; Path=/; HttpOnly");
      send(*exchange, headers, R"({"name":"crank","turns":3})");
    } else if (head.target == "/large") {
      send(*exchange, {}, std::string(300'000, 'x'));
    } else if (head.target != "/silent") {
      exchange->respond(404, "no such page");
    } else {
      std::lock_guard lock(mutex);
      silent_ = std::move(exchange);
    }
  }
  static void send(io::Exchange& exchange, const io::Headers& headers, std::string body) {
    struct Writer final : io::WriteListener {
      std::string body;
      std::size_t sent = 0;
      io::Exchange* exchange;
      void go() {
        while (sent < body.size()) {
          auto attempt = exchange->write(std::as_bytes(std::span(body)).subspan(sent), *this);
          if (!attempt) return;
          if (!*attempt) return delete this;
          sent += **attempt;
        }
        exchange->finish();
        delete this;
      }
      void on_written(Result<std::size_t> bytes) override {
        if (!bytes) return delete this;
        sent += *bytes;
        go();
      }
    };
    std::ignore = exchange.send_head(200, headers, body.size());
    auto* writer = new Writer;
    writer->body = std::move(body);
    writer->exchange = &exchange;
    writer->go();
  }

  io::EventLoop loop_;
  std::unique_ptr<io::HttpServer> server_;
  std::shared_ptr<io::Exchange> silent_;
  std::thread thread_;
};

}  // namespace crank::reactor::testing
