// Internal: one request of a guest, from its beginning to the end of its answer, on the gate's loop.
//
//   begin ──> trying ──answer, whole──> over          trying ──broke, may be tried again──> waiting ──> trying
//               │  └───answer, chunks─> streaming     trying ──redirect──> trying, elsewhere
//               └──────error, cancel──> over          streaming ──end of its HttpBody──> over
//
// Rules
//  1  Everything but making and destroying it happens on the loop's thread.
//  2  While it tries, waits or streams, the client and the loop may call it, and it keeps itself alive. let_go() ends that: after it
//     nothing on the loop knows the exchange.
//  3  Whoever waits is resumed last, after let_go(). So who got an answer (or the end of a body) finds nothing left behind, and the
//     scope that began the exchange has outlived it.
//  4  It does not own the gate: the gate's end waits for the loop's thread, and must never happen on it.
#pragma once

#include <memory>
#include <optional>

#include "crank/async/continuation.h"
#include "crank/io/http_client.h"
#include "crank/reactor/cookie_jar.h"
#include "crank/reactor/http.h"
#include "crank/reactor/http_address.h"

namespace crank::reactor {

/// What the exchanges of a gate share, on its loop.
struct GateState {
  GateState(io::EventLoop& on, HttpGateOptions with) : loop(on), options(std::move(with)) {}
  io::EventLoop& loop;
  const HttpGateOptions options;
  // The loop's thread.
  CookieJar jar;
  std::unique_ptr<io::HttpClient> client;  ///< made with the first request
  io::HttpClient& ready_client();
};

class HttpExchange final : public io::ClientListener,
                           public io::ReadListener,
                           public io::WriteListener,
                           public std::enable_shared_from_this<HttpExchange> {
 public:
  HttpExchange(std::shared_ptr<GateState> gate, HttpAddress address, HttpQuery query)
      : gate_(std::move(gate)), address_(std::move(address)), query_(std::move(query)) {}

  // ---- on the loop's thread ----
  void begin(Continuation<Result<HttpAnswer>> done);
  /// Before or after begin(); once the answer was given it changes nothing.
  void cancel();
  /// The next piece of the body; `read` counts them from 1.
  void next(std::uint64_t read, Continuation<Result<Bytes>> done);
  /// Ends that read, also one that has not begun. The body can be read on.
  void cancel_next(std::uint64_t read);
  void let_go();

  /// The answer that was given goes on: the body is read by next(), and let_go() is the reader's.
  bool streams() const noexcept { return streams_; }

 private:
  void on_response(io::ClientCall& call) override;
  void on_failure(io::ClientFailure kind, const Error& why) override;
  void on_read(Result<std::size_t> bytes) override;
  void on_written(Result<std::size_t> bytes) override;

  void attempt();
  io::ClientRequest request() const;
  void write_on();
  void read_all();
  bool take(Result<std::size_t> bytes);
  bool follow(io::ClientCall& call);
  void drop_call();
  void answer(Result<HttpAnswer> result);
  void answer_chunk(Result<Bytes> result);

  std::shared_ptr<GateState> gate_;
  HttpAddress address_;
  HttpQuery query_;
  std::optional<Continuation<Result<HttpAnswer>>> done_;
  std::optional<Continuation<Result<Bytes>>> chunk_done_;
  std::shared_ptr<io::ClientCall> call_;
  std::shared_ptr<HttpExchange> self_;  // rule 2
  std::optional<io::Timer> timer_;
  HttpAnswer answer_;
  std::size_t written_ = 0, filled_ = 0;
  std::uint64_t reading_ = 0, cancelled_read_ = 0;
  unsigned tries_ = 0, hops_ = 0;
  bool ended_ = false, cancelled_ = false, streams_ = false;
};

}  // namespace crank::reactor
