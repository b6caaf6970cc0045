#include "examples/outbox/http_post.h"

#include <optional>
#include <span>
#include <utility>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"

namespace outbox {
namespace {

namespace io = crank::io;
using crank::Code;
using crank::Error;
using Status = crank::Result<std::uint16_t>;

// One call, on the loop's thread. It keeps itself alive from `start` until it has settled.
class Call final : public std::enable_shared_from_this<Call>, io::ClientListener, io::WriteListener {
 public:
  Call(Address to, std::string target, std::string body) : body_(std::move(body)) {
    request_.host = std::move(to.host);
    request_.port = to.port;
    request_.head.method = "POST";
    request_.head.target = std::move(target);
    request_.length = body_.size();
  }

  void start(io::HttpClient& client, crank::Continuation<Status> done) {
    done_.emplace(std::move(done));
    if (cancelled_) return cancel();
    self_ = shared_from_this();
    call_ = client.send(std::move(request_), *this);
    write();
  }
  void cancel() {
    cancelled_ = true;
    settle(crank::fail(Code::cancelled, "the request was cancelled"), true);
  }

 private:
  void write() {
    while (written_ < body_.size()) {
      auto attempt = call_->write(std::as_bytes(std::span(body_)).subspan(written_), *this);
      if (!attempt) return;
      if (!took(*attempt)) return;
    }
    call_->finish();
  }
  // A failure to write is followed by on_failure, or by an answer that came before the end of the body.
  bool took(const crank::Result<std::size_t>& bytes) {
    written_ += bytes ? *bytes : 0;
    return bytes.has_value();
  }
  void on_written(crank::Result<std::size_t> bytes) override {
    if (done_ && took(bytes)) write();
  }
  void on_response(io::ClientCall& call) override {
    call.discard();  // the status says it all
    settle(call.response().status, false);
  }
  void on_failure(io::ClientFailure, const Error& why) override {
    settle(crank::fail(Code::io, crank::concat("no answer: ", why.message())), false);
  }
  void settle(Status status, bool close) {
    if (!done_) return;
    auto done = *std::exchange(done_, std::nullopt);
    if (call_) {
      call_->cancel_write();
      if (close) call_->cancel();
    }
    done.resume(std::move(status));
    // Maybe the last reference to this; the loop may still be in one of its calls.
    if (call_) call_->loop().post([self = std::exchange(self_, nullptr)] {});
  }

  io::ClientRequest request_;
  std::string body_;
  std::size_t written_ = 0;
  std::shared_ptr<io::ClientCall> call_;
  std::shared_ptr<Call> self_;
  std::optional<crank::Continuation<Status>> done_;
  bool cancelled_ = false;
};

}  // namespace

HttpPost::HttpPost() {
  thread_ = std::thread([this] {
    client_ = std::make_unique<io::HttpClient>(loop_);
    loop_.run();
  });
}

HttpPost::~HttpPost() {
  loop_.post([this] {
    client_.reset();
    loop_.stop();
  });
  thread_.join();
}

crank::Task<Status> HttpPost::post(Address to, std::string target, std::string body) {
  auto call = std::make_shared<Call>(std::move(to), std::move(target), std::move(body));
  auto stop = crank::on_cancel([&]() noexcept { loop_.post([call] { call->cancel(); }); });
  co_return co_await crank::with_continuation<Status>([&](crank::Continuation<Status> done) {
    loop_.post([this, call, done = std::move(done)]() mutable { call->start(*client_, std::move(done)); });
  });
}

}  // namespace outbox
