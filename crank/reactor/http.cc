#include "crank/reactor/http.h"

#include <thread>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/base/check.h"
#include "crank/reactor/http_exchange.h"

namespace crank::reactor {

namespace {

// Owned by what fetches: the bridges, a fetch under way, a body that is read. None of them lives on the loop (rule 4 of
// HttpExchange), so that the gate can wait for the loop's thread where it ends.
class Gate final : public HttpGate, public std::enable_shared_from_this<Gate> {
 public:
  Gate(io::EventLoop* loop, HttpGateOptions options) {
    if (loop == nullptr) {
      own_ = std::make_unique<Own>();
      loop = &own_->loop;
    }
    state_ = std::make_shared<GateState>(*loop, std::move(options));
    if (own_) own_->thread = std::thread([loop] { loop->run(); });
  }
  ~Gate() override {
    // The client belongs to the loop's thread, and ends there. What was posted before runs before: bodies let go of.
    io::EventLoop& loop = state_->loop;
    bool stops = own_ != nullptr;
    loop.post([state = std::move(state_), stops] {
      state->client.reset();
      if (stops) state->loop.stop();
    });
    if (!own_) return;
    CRANK_CHECK(std::this_thread::get_id() != own_->thread.get_id(), "an HTTP gate ended on its own loop's thread");
    own_->thread.join();
  }

  Task<Result<HttpAnswer>> fetch(HttpQuery query) override;
  io::EventLoop& loop() noexcept { return state_->loop; }

 private:
  struct Own {
    io::EventLoop loop;
    std::thread thread;
  };
  std::unique_ptr<Own> own_;
  std::shared_ptr<GateState> state_;
};

class Body final : public HttpBody {
 public:
  Body(std::shared_ptr<Gate> gate, std::shared_ptr<HttpExchange> exchange)
      : gate_(std::move(gate)), exchange_(std::move(exchange)) {}
  ~Body() override {
    gate_->loop().post([exchange = std::move(exchange_)] { exchange->let_go(); });
  }
  Task<Result<Bytes>> next() override {
    auto gate = gate_;
    auto exchange = exchange_;
    std::uint64_t read = ++reads_;
    auto stop = on_cancel([&]() noexcept { gate->loop().post([exchange, read] { exchange->cancel_next(read); }); });
    co_return co_await with_continuation<Result<Bytes>>([&](Continuation<Result<Bytes>> done) {
      gate->loop().post([exchange, read, done = std::move(done)]() mutable { exchange->next(read, std::move(done)); });
    });
  }

 private:
  std::shared_ptr<Gate> gate_;
  std::shared_ptr<HttpExchange> exchange_;
  std::uint64_t reads_ = 0;
};

Task<Result<HttpAnswer>> Gate::fetch(HttpQuery query) {
  auto gate = shared_from_this();
  auto address = parse_url(query.url);
  if (!address) co_return std::unexpected(std::move(address).error());
  auto exchange = std::make_shared<HttpExchange>(state_, std::move(*address), std::move(query));
  auto stop = on_cancel([&]() noexcept { gate->loop().post([exchange] { exchange->cancel(); }); });
  auto answer = co_await with_continuation<Result<HttpAnswer>>([&](Continuation<Result<HttpAnswer>> done) {
    gate->loop().post([exchange, done = std::move(done)]() mutable { exchange->begin(std::move(done)); });
  });
  if (answer && exchange->streams()) answer->rest = std::make_unique<Body>(gate, exchange);
  co_return answer;
}

}  // namespace

std::shared_ptr<HttpGate> make_http_gate(io::EventLoop& loop, HttpGateOptions options) {
  return std::make_shared<Gate>(&loop, std::move(options));
}
std::shared_ptr<HttpGate> make_http_gate(HttpGateOptions options) {
  return std::make_shared<Gate>(nullptr, std::move(options));
}

}  // namespace crank::reactor
