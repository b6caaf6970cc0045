// The other side, for the program and the tests: a real HTTP server on a thread of its own that keeps what it accepted,
// and does to each request what it is told: answers, refuses, hangs, breaks off, or accepts and loses the answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "crank/io/event_loop.h"
#include "crank/io/http_server.h"

namespace outbox {

enum class Fault : std::uint8_t {
  none,
  refuse,       ///< 503
  hang,         ///< never answers
  break_off,    ///< closes the connection instead of answering
  lose_answer,  ///< accepts, then closes the connection
};

class Collector final : crank::io::HttpHandler {
 public:
  /// Listens on a port of its own. `fault` is asked once a request, on the server's thread, before it is served.
  explicit Collector(std::function<Fault()> fault);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// Nobody listens any more (connections are refused), until `come_back`, on the same port.
  void go_away();
  void come_back();

  struct Seen {
    std::map<std::uint64_t, std::string> events;  // by id, as first accepted
    std::uint64_t requests = 0, repeated = 0;     // events that came again under their id
    std::uint64_t conflicting = 0;                // another event under an id that was there
  };
  Seen seen() const;

 private:
  struct Reading;
  void on_request(std::shared_ptr<crank::io::Exchange> exchange) override;
  void answer(crank::io::Exchange& exchange, const std::string& body);
  void accept(const std::string& body);
  void on_loop(std::function<void()> job);

  std::function<Fault()> fault_;
  crank::io::EventLoop loop_;
  std::unique_ptr<crank::io::HttpServer> server_;  // the loop's thread
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  Seen seen_;
  std::thread thread_;
};

}  // namespace outbox
