#include "examples/outbox/collector.h"

#include <cstdio>
#include <cstdlib>
#include <future>
#include <sstream>

namespace outbox {

namespace io = crank::io;

// Reads a request's body to its end, then answers. Deletes itself.
struct Collector::Reading final : io::ReadListener {
  Reading(Collector& owner, std::shared_ptr<io::Exchange> what) : collector(owner), exchange(std::move(what)) {}
  void go() {
    for (;;) {
      auto attempt = exchange->read(std::as_writable_bytes(std::span(buffer)), *this);
      if (!attempt) return;
      if (take(*attempt)) return;
    }
  }
  bool take(const crank::Result<std::size_t>& bytes) {
    if (bytes && *bytes > 0) {
      body.append(buffer, *bytes);
      return false;
    }
    if (bytes) collector.answer(*exchange, body);
    delete this;
    return true;
  }
  void on_read(crank::Result<std::size_t> bytes) override {
    if (!take(bytes)) go();
  }
  Collector& collector;
  std::shared_ptr<io::Exchange> exchange;
  char buffer[4096];
  std::string body;
};

Collector::Collector(std::function<Fault()> fault) : fault_(std::move(fault)) {
  thread_ = std::thread([this] { loop_.run(); });
  come_back();
}

Collector::~Collector() {
  go_away();
  loop_.stop();
  thread_.join();
}

// Runs it on the server's thread and waits.
void Collector::on_loop(std::function<void()> job) {
  std::promise<void> done;
  loop_.post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

void Collector::come_back() {
  on_loop([this] {
    auto server = io::HttpServer::listen({.port = port_}, {{&loop_, this}});
    if (!server) {
      std::fprintf(stderr, "collector: %s\n", server.error().to_string().c_str());
      std::abort();
    }
    server_ = std::move(*server);
    port_ = server_->port();
  });
}

void Collector::go_away() {
  std::promise<void> stopped;
  loop_.post([&] {
    if (!server_) return stopped.set_value();
    server_->stop([&] { stopped.set_value(); });
    server_->close_all();
  });
  stopped.get_future().wait();
  on_loop([this] { server_.reset(); });
}

void Collector::on_request(std::shared_ptr<io::Exchange> exchange) { (new Reading(*this, std::move(exchange)))->go(); }

void Collector::answer(io::Exchange& exchange, const std::string& body) {
  {
    std::lock_guard lock(mutex_);
    ++seen_.requests;
  }
  switch (fault_()) {
    case Fault::none: accept(body); return exchange.respond(200, "thanks");
    case Fault::refuse: return exchange.respond(503, "later");
    case Fault::hang: return;  // the connection stays until the client gives up
    case Fault::break_off: return exchange.abort();
    case Fault::lose_answer: accept(body); return exchange.abort();
  }
}

void Collector::accept(const std::string& body) {
  std::lock_guard lock(mutex_);
  std::istringstream lines(body);
  std::uint64_t id;
  std::string name;
  while (lines >> id >> name) {
    auto [at, added] = seen_.events.emplace(id, name);
    if (added) continue;
    ++seen_.repeated;
    seen_.conflicting += at->second != name;
  }
}

Collector::Seen Collector::seen() const {
  std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace outbox
