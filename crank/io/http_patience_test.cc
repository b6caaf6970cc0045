// Bodies whose writer or reader does not stay: memory taken back while the peer is slow, bodies that are given up.
#include "crank/io/http_fixture.h"

namespace crank::io {
namespace {

// Never lends its memory for longer than a call: what is not taken at once is taken back, and nothing is written until what
// went before has gone.
struct Patient final : WriteListener {
  BodySink* sink = nullptr;
  std::string body;
  std::size_t at = 0, waits = 0, piece = 1u << 20;
  std::optional<Error> error;
  std::move_only_function<void()> then;
  void start(BodySink& to) {
    sink = &to;
    go();
  }
  void go() {
    while (at < body.size()) {
      // A copy that is wiped: what the sink still looked at afterwards would arrive as zeroes.
      std::string lent = body.substr(at, piece);
      auto attempt = sink->write(bytes_of(std::as_const(lent)), *this);
      if (attempt && !*attempt) return fail_with(attempt->error());
      at += attempt ? **attempt : sink->cancel_write();
      std::ranges::fill(lent, 0);
      if (attempt) continue;
      ++waits;
      auto drained = sink->write({}, *this);
      if (!drained) return;
      if (!*drained) return fail_with(drained->error());
    }
    if (then) then();
  }
  void on_written(Result<std::size_t> n) override {
    if (!n) return fail_with(n.error());
    EXPECT_EQ(*n, 0u);
    go();
  }
  void fail_with(const Error& why) { error = why; }
};

TEST_F(HttpTest, AWriterThatTakesItsMemoryBackLosesNoByteAndSendsNoneTwice) {
  serve();
  std::minstd_rand random(5);
  std::string body(5'000'000, 0);
  for (auto& c : body) c = static_cast<char>(random() | 1);
  for (bool sized : {true, false}) {
    Patient patient;
    patient.body = body;
    handler.answer = [&](auto e) {
      ASSERT_TRUE(e->send_head(200, {}, sized ? std::optional<std::uint64_t>(body.size()) : std::nullopt));
      patient.then = [e] { e->finish(); };
      patient.start(*e);
    };
    // A client that does not read for a while: the writer is there long before the socket has room again.
    int fd = connect();
    send(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    until([&] { return patient.waits > 0; });
    auto got = receive(fd);
    ::close(fd);
    EXPECT_FALSE(patient.error) << patient.error->to_string();
    std::string text = got.substr(got.find("\r\n\r\n") + 4);
    if (!sized) {
      std::string joined;
      for (std::size_t at = 0; at < text.size();) {
        const auto size = std::stoul(text.substr(at), nullptr, 16);
        if (size == 0) break;
        at = text.find("\r\n", at) + 2;
        joined.append(text, at, size);
        at += size + 2;
      }
      text = std::move(joined);
    }
    EXPECT_EQ(text.size(), body.size());
    EXPECT_TRUE(text == body);
  }
}

TEST_F(HttpTest, AReaderOfABodyThatIsGivenUpIsToldAndTheServerLivesOn) {
  serve();
  Gather during, after;
  handler.answer = [&](auto e) {
    if (e->request().target != "/") return e->respond(200, "alive");
    during.start(*e);  // waits for the body
    e->respond(500, "failed");
    after.start(*e);  // somebody else who still wants it
  };
  int fd = connect();
  send(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nthe first bytes");
  until([&] { return during.done && after.done; });
  EXPECT_TRUE(during.error && after.error);
  ::close(fd);
  EXPECT_EQ(count(exchange_raw("GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "alive"), 1);
}

}  // namespace
}  // namespace crank::io
