// One POST as a task sees it: a bridge from the callbacks of crank/io, whose event loop has a thread of its own here.
//
//     task:  post() ──continuation──> suspended . . . . . . . . . . . resumed with the status, or an error
//     loop:            send ──> connect, write, read the head ──> answer, failure, or cancelled
//
// Cancelling the task closes the connection and resumes it with Code::cancelled. Nothing of a call outlives its `post`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "crank/async/task.h"
#include "crank/base/result.h"
#include "crank/io/event_loop.h"
#include "crank/io/http_client.h"

namespace outbox {

struct Address {
  std::string host;
  std::uint16_t port;
};

/// How the SDK posts; tests have one of their own.
class Post {
 public:
  /// The status of the answer. Errors: Code::io (no answer: refused, broken off), Code::cancelled.
  virtual crank::Task<crank::Result<std::uint16_t>> post(Address to, std::string target, std::string body) = 0;

 protected:
  ~Post() = default;
};

class HttpPost final : public Post {
 public:
  HttpPost();
  /// No call is under way any more.
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  crank::Task<crank::Result<std::uint16_t>> post(Address to, std::string target, std::string body) override;

 private:
  crank::io::EventLoop loop_;
  std::unique_ptr<crank::io::HttpClient> client_;  // the loop's thread alone
  std::thread thread_;
};

}  // namespace outbox
