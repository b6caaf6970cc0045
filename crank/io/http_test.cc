// The server and the client of this layer against each other and against raw bytes, on one loop and one thread.
#include "crank/io/http_fixture.h"

namespace crank::io {
namespace {

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrderOnOneConnection) {
  serve();
  handler.answer = [](auto e) { e->respond(200, e->request().target); };
  auto got = exchange_raw(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /22 HTTP/1.1\r\nHost: a\r\n\r\nGET /333 HTTP/1.1\r\nHost: "
      "a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(count(got, "HTTP/1.1 200 OK"), 3);
  EXPECT_LT(got.find("/1"), got.find("/22"));
  EXPECT_LT(got.find("/22"), got.find("/333"));
  EXPECT_EQ(count(got, "connection: close"), 1);
}

TEST_F(HttpTest, BigBodiesPassBothWaysByteForByteInEitherFraming) {
  serve();
  HttpClient client(loop);
  std::minstd_rand random(3);
  std::string body(3'000'000, 0);
  for (auto& c : body) c = static_cast<char>(random());
  for (bool sized : {true, false}) {
    Listener listener;
    Scatter scatter;
    scatter.body = body;
    scatter.piece = sized ? 1'000'000 : 77'777;
    auto call = client.send(request("POST", "/echo", sized ? std::optional<std::uint64_t>(body.size()) : std::nullopt),
                            listener);
    scatter.then = [&] { call->finish(); };
    scatter.start(*call);
    until([&] { return listener.over(); });
    ASSERT_FALSE(listener.failure) << listener.why;
    EXPECT_TRUE(listener.gather.body == body);
  }
  EXPECT_EQ(handler.log[0], "POST /echo 200 3000000 3000000 complete");
  EXPECT_EQ(client.idle_connections(), 1u) << "the connection was kept and used again";
}

TEST_F(HttpTest, HeadersArriveWhileTheHandlerStillHoldsTheBody) {
  serve();
  std::shared_ptr<Exchange> held;
  handler.answer = [&](auto e) {
    held = e;
    ASSERT_TRUE(e->send_head({}));
  };
  int fd = connect();
  send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(count(receive(fd, ends_with("\r\n\r\n")), "transfer-encoding: chunked"), 1);
  Scatter scatter;
  scatter.body = "late";
  scatter.then = [&] { held->finish(); };
  scatter.start(*held);
  EXPECT_EQ(receive(fd, ends_with("0\r\n\r\n")), "4\r\nlate\r\n0\r\n\r\n");
  ::close(fd);
}

TEST_F(HttpTest, ContinueIsSentOnlyWhenTheBodyIsWanted) {
  serve();
  int fd = connect();
  send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(receive(fd, ends_with("\r\n\r\n")), "HTTP/1.1 100 Continue\r\n\r\n");
  send(fd, "hello");
  EXPECT_EQ(count(receive(fd, ends_with("0\r\n\r\n")), "5\r\nhello\r\n"), 1);
  ::close(fd);
  handler.answer = [](auto e) { e->respond(403, "no"); };
  auto refused = exchange_raw("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 403")) << refused;
  EXPECT_EQ(count(refused, "connection: close"), 1);
}

TEST_F(HttpTest, LimitsAnswer431And413AndBadSyntax400) {
  HttpServerOptions options;
  options.max_head = 1000;
  options.max_body = 10;
  serve(options);
  EXPECT_TRUE(exchange_raw("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(
      exchange_raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello worldx").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(
      exchange_raw("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n")
          .starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(exchange_raw("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(exchange_raw("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
                  .starts_with("HTTP/1.1 400"));
}

TEST_F(HttpTest, AnUnwantedBodyDoesNotSpoilTheNextRequest) {
  serve();
  handler.answer = [](auto e) { e->respond(200, "done"); };
  auto got = exchange_raw(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET GET / HTTP/1.1\r\nHost: a\r\nConnection: "
      "close\r\n\r\n");
  EXPECT_EQ(count(got, "HTTP/1.1 200 OK"), 2) << got;
}

TEST_F(HttpTest, HeadAnd304CarryNoBody) {
  serve();
  handler.answer = [](auto e) {
    ResponseHead head;
    if (e->request().target == "/304") head.status = 304;
    ASSERT_TRUE(e->send_head(head, 5));
    Scatter s;
    s.body = "hello";
    s.start(*e);
    e->finish();
  };
  auto got =
      exchange_raw("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(count(got, "HTTP/1.1"), 2);
  EXPECT_EQ(count(got, "hello"), 0);
  EXPECT_EQ(count(got, "content-length: 5"), 1);
}

TEST_F(HttpTest, OldClientsGetABodyThatEndsWithTheConnection) {
  serve();
  handler.answer = [](auto e) {
    ASSERT_TRUE(e->send_head({}));
    Scatter s;
    s.body = "hello";
    s.start(*e);
    e->finish();
  };
  auto got = exchange_raw("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(count(got, "chunked"), 0);
  EXPECT_TRUE(got.ends_with("\r\n\r\nhello"));
}

TEST_F(HttpTest, AShortBodyClosesTheConnectionInsteadOfLookingComplete) {
  serve();
  handler.answer = [](auto e) {
    ASSERT_TRUE(e->send_head({}, 10));
    Scatter s;
    s.body = "hello";
    s.start(*e);
    e->finish();
  };
  HttpClient client(loop);
  Listener listener;
  auto call = client.send(request("GET", "/"), listener);
  call->finish();
  until([&] { return listener.over(); });
  EXPECT_TRUE(listener.failure || listener.gather.error);
  EXPECT_EQ(handler.log.at(0), "GET / 200 0 5 broken");
}

TEST_F(HttpTest, ADisconnectReachesTheHandlerMidway) {
  serve();
  bool gone = false;
  std::shared_ptr<Exchange> held;
  handler.answer = [&](auto e) {
    held = e;
    e->on_gone([&](const Error&) { gone = true; });
  };
  int fd = connect();
  send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return held != nullptr; });
  ::close(fd);
  until([&] { return gone; });
  std::string buffer(10, 0);
  Gather gather;
  auto attempt = held->read(bytes_of(buffer), gather);
  EXPECT_TRUE(attempt && !*attempt) << "an exchange that is over answers errors";
}

TEST_F(HttpTest, AReaderHearsOfADisconnectInTheMiddleOfABody) {
  serve();
  int fd = connect();
  send(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
  until([&] { return !handler.gathers.empty() && handler.gathers.front().body == "part"; });
  ::close(fd);
  until([&] { return handler.gathers.front().done; });
  ASSERT_TRUE(handler.gathers.front().error);
  EXPECT_EQ(handler.gathers.front().error->code(), Code::io);
}

TEST_F(HttpTest, StoppingFinishesWhatIsInFlightAndClosesTheRest) {
  serve();
  std::shared_ptr<Exchange> held;
  handler.answer = [&](auto e) { held = e; };
  int idle = connect(), busy = connect();
  send(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return held && server->connections() == 2; });
  bool stopped = false;
  server->stop([&] { stopped = true; });
  EXPECT_EQ(receive(idle), "");
  EXPECT_FALSE(stopped);
  held->respond(200, "last words");
  auto got = receive(busy);
  EXPECT_TRUE(got.ends_with("last words"));
  EXPECT_EQ(count(got, "connection: close"), 0) << "the head was written before";
  ::close(busy);
  ::close(idle);
  until([&] { return stopped; });
  server.reset();
}

TEST_F(HttpTest, SlowClientsAreAskedOnceAndThenLeft) {
  HttpServerOptions options;
  options.head_timeout = std::chrono::milliseconds(1);
  options.idle_timeout = std::chrono::milliseconds(1);
  options.stall_timeout = std::chrono::milliseconds(1);
  serve(options);
  EXPECT_TRUE(exchange_raw("GET / HT").starts_with("HTTP/1.1 408"));
  EXPECT_EQ(exchange_raw(""), "");
  exchange_raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
  ASSERT_FALSE(handler.gathers.empty());
  EXPECT_EQ(handler.gathers.back().error->code(), Code::deadline);
}

TEST_F(HttpTest, TrailersTravelBothWays) {
  serve();
  auto got = exchange_raw(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: "
      "9\r\n\r\n");
  EXPECT_EQ(count(got, "x-trailer: 9"), 1);
  handler.answer = [](auto e) {
    ASSERT_TRUE(e->send_head({}));
    Headers trailers;
    trailers.add("x-end", "yes");
    e->finish(&trailers);
  };
  HttpClient client(loop);
  Listener listener;
  auto call = client.send(request("GET", "/"), listener);
  call->finish();
  until([&] { return listener.over(); });
  EXPECT_EQ(call->trailers().find("x-end"), "yes");
}

TEST_F(HttpTest, TheClientTellsWhyThereIsNoResponse) {
  serve();
  HttpClientOptions options;
  options.allowed_hosts = std::vector<std::string>{"127.0.0.1", "nowhere.invalid"};
  options.first_byte_timeout = std::chrono::milliseconds(1);
  HttpClient client(loop, options);
  auto fails = [&](ClientRequest r) {
    Listener listener;
    auto call = client.send(std::move(r), listener);
    call->finish();
    until([&] { return listener.over(); });
    return listener.failure;
  };
  auto r = request("GET", "/");
  r.host = "example.org";
  EXPECT_EQ(fails(r), ClientFailure::denied);
  r.host = "nowhere.invalid";
  EXPECT_EQ(fails(r), ClientFailure::no_address);
  r = request("GET", "/");
  r.port = 1;
  EXPECT_EQ(fails(r), ClientFailure::refused);
  r = request("GET", "/ /");
  EXPECT_EQ(fails(r), ClientFailure::bad_request);
  handler.answer = [&](auto e) { handler.held.push_back(e); };
  EXPECT_EQ(fails(request("GET", "/")), ClientFailure::first_byte_timeout);
  handler.answer = [](auto e) { e->abort(); };
  EXPECT_EQ(fails(request("GET", "/")), ClientFailure::terminated);
}

TEST_F(HttpTest, TlsIsVerifiedAgainstTheGivenAuthority) {
  auto authority = TestAuthority::make("127.0.0.1");
  ASSERT_TRUE(authority) << authority.error().to_string();
  HttpServerOptions options;
  options.tls = *TlsContext::server(authority->certificate_pem, authority->private_key_pem);
  serve(options);
  for (bool trusted : {true, false}) {
    HttpClientOptions client_options;
    auto other = TestAuthority::make("127.0.0.1");
    client_options.tls = *TlsContext::client(trusted ? authority->authority_pem : other->authority_pem, true);
    HttpClient client(loop, client_options);
    Listener listener;
    auto r = request("POST", "/", std::nullopt);
    r.tls = true;
    auto call = client.send(std::move(r), listener);
    Scatter scatter;
    scatter.body = std::string(300'000, 'x');
    scatter.then = [&] { call->finish(); };
    scatter.start(*call);
    until([&] { return listener.over(); });
    if (trusted) {
      ASSERT_FALSE(listener.failure) << listener.why;
      EXPECT_EQ(listener.gather.body, scatter.body);
    } else {
      EXPECT_EQ(listener.failure, ClientFailure::certificate) << listener.why;
    }
  }
}

TEST_F(HttpTest, AKeptConnectionThatDiedIsReplacedSilently) {
  serve();
  handler.answer = [](auto e) { e->respond(200, "ok"); };
  HttpClient client(loop);
  for (int i = 0; i < 2; ++i) {
    Listener listener;
    auto call = client.send(request("GET", "/"), listener);
    call->finish();
    until([&] { return listener.over(); });
    ASSERT_FALSE(listener.failure) << listener.why;
    EXPECT_EQ(listener.gather.body, "ok");
    server->close_all();
  }
}

TEST_F(HttpTest, APortInUseIsExplained) {
  serve();
  HttpServerOptions options;
  options.port = server->port();
  auto second = HttpServer::listen(options, {{&loop, &handler}});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("in use"), std::string::npos) << second.error().message();
}

}  // namespace
}  // namespace crank::io
