// A little site behind HTTPS on loopback, with a throw-away authority, on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "crank/io/http_server.h"
#include "crank/io/tls.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor::testing {

/// What it answers: /report JSON and a cookie, /large 300,000 bytes, /echo what it was sent, /forget ends the cookie,
/// /redirect?TO, /break drops the connection `breaks` times and then reports, /early 401 before the body was read, /silent nothing,
/// /endless a piece and then nothing, and the pages that were put there; else 404.
class Site final : io::HttpHandler {
 public:
  explicit Site(io::TestAuthority authority = must(io::TestAuthority::make("127.0.0.1"))) : authority(authority) {
    authority_pem = authority.authority_pem;
    io::HttpServerOptions options;
    options.tls = must(io::TlsContext::server(authority.certificate_pem, authority.private_key_pem));
    server_ = must(io::HttpServer::listen(options, {{&loop_, this}}));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Site() {
    // Clients may still hold connections open.
    server_->stop([this] { loop_.stop(); });
    server_->close_all();
    thread_.join();
    server_.reset();
  }
  std::uint16_t port() const { return server_->port(); }
  std::string url(std::string_view path) const { return concat("https://127.0.0.1:", port(), path); }

  void put(std::string path, std::string page) {
    std::lock_guard lock(mutex_);
    pages_[std::move(path)] = std::move(page);
  }
  /// Until that many clients went away before their answer was finished.
  void wait_gone(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_ >= count; });
  }
  /// Until that many requests have arrived.
  void wait_requests(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return requests >= count; });
  }

  const io::TestAuthority authority;
  std::string authority_pem;
  std::atomic<int> requests{0}, breaks{0};
  /// Of the latest request.
  std::string authorization() {
    std::lock_guard lock(mutex_);
    return authorization_;
  }
  std::string cookie() {
    std::lock_guard lock(mutex_);
    return cookie_;
  }

 private:
  void on_request(std::shared_ptr<io::Exchange> exchange) override {
    const io::RequestHead& head = exchange->request();
    bool broken = false;
    const std::string* page = nullptr;
    {
      std::lock_guard lock(mutex_);
      authorization_ = head.headers.find("authorization");
      cookie_ = head.headers.find("cookie");
      ++requests;
      if (head.target == "/break") broken = breaks-- > 0;
      if (auto found = pages_.find(head.target); found != pages_.end()) page = &found->second;
    }
    changed_.notify_all();
    io::Headers headers;
    if (page != nullptr) {
      send(*exchange, headers, *page);
    } else if (broken) {
      exchange->abort();
    } else if (head.target == "/report" || head.target == "/break") {
      headers.add("content-type", "application/json");
      headers.add("set-cookie", "session=s3cr3t; Path=/; HttpOnly");
      send(*exchange, headers, R"({"name":"crank","turns":3})");
    } else if (head.target == "/forget") {
      headers.add("set-cookie", "session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
      send(*exchange, headers, "forgotten");
    } else if (head.target == "/large") {
      send(*exchange, headers, std::string(300'000, 'x'));
    } else if (head.target.starts_with("/redirect?")) {
      headers.add("location", head.target.substr(10));
      std::ignore = exchange->send_head(302, headers, 0);
      exchange->finish();
    } else if (head.target == "/echo") {
      (new Echo(std::move(exchange)))->go();
    } else if (head.target == "/early") {
      exchange->respond(401, "not you");
    } else if (head.target == "/silent" || head.target == "/endless") {
      if (head.target == "/endless") {
        static constexpr std::byte piece[] = {std::byte{'x'}};
        std::ignore = exchange->send_head(200, headers);
        std::ignore = exchange->write(piece, nobody_);
      }
      exchange->on_gone([this](const Error&) {
        {
          std::lock_guard lock(mutex_);
          ++gone_;
        }
        changed_.notify_all();
      });
      held_.push_back(std::move(exchange));
    } else {
      exchange->respond(404, "no such page");
    }
  }
  struct Echo final : io::ReadListener {
    explicit Echo(std::shared_ptr<io::Exchange> e) : exchange(std::move(e)) {}
    std::shared_ptr<io::Exchange> exchange;
    std::string body;
    char piece[4096];
    void go() {
      for (;;) {
        auto attempt = exchange->read(std::as_writable_bytes(std::span(piece)), *this);
        if (!attempt || !take(*attempt)) return;
      }
    }
    bool take(const Result<std::size_t>& bytes) {
      if (bytes && *bytes != 0) return body.append(piece, *bytes), true;
      if (bytes) send(*exchange, {}, concat(exchange->request().method, " ", body));
      delete this;
      return false;
    }
    void on_read(Result<std::size_t> bytes) override {
      if (take(bytes)) go();
    }
  };
  struct Nobody final : io::WriteListener {
    void on_written(Result<std::size_t>) override {}
  };
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
  std::vector<std::shared_ptr<io::Exchange>> held_;  // the loop's thread
  std::map<std::string, std::string> pages_;
  std::condition_variable changed_;
  std::mutex mutex_;  // guards what was seen, and the pages
  std::string authorization_, cookie_;
  int gone_ = 0;
  Nobody nobody_;
  std::thread thread_;
};

}  // namespace crank::reactor::testing
