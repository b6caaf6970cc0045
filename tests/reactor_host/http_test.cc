// The guest's HTTP over TLS, against a local server with a test authority.
#include "crank/reactor/http.h"

#include <gmock/gmock.h>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/guest/twin.h"
#include "crank/reactor/native_guest.h"
#include "tests/reactor_host/site.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using ::testing::HasSubstr;
using testing::module_named;
using testing::must;
using testing::Site;
using testing::text;
using namespace std::chrono_literals;

Task<Result<Bytes>> joined(TaskHandle<Result<Bytes>> handle) { co_return co_await std::move(handle); }

enum class How { compiled, interpreted, native };

struct Http : ::testing::TestWithParam<How> {
  Site site;
  Pool pool{{.threads = 2}};
  std::shared_ptr<Bridges> bridges = std::make_shared<Bridges>();
  std::shared_ptr<Reactor> reactor;

  void open(HttpGateOptions gate = {}) {
    gate.tls = must(io::TlsContext::client(site.authority_pem, true));
    bridges->set_http(make_http_gate(std::move(gate)));
    ReactorOptions options{.bridges = bridges};
    bool interpreted = GetParam() == How::interpreted;
    reactor = GetParam() == How::native
                  ? must(Reactor::open(pool.runtime(), native_guest<guest::Twin>("bridges"), std::move(options)))
                  : must(Reactor::open(pool.runtime(), engine_for(interpreted), module_named("bridges", interpreted),
                                       std::move(options)));
  }
  std::string call(std::string entry, std::string argument, CallOptions options = {}) {
    return text(sync_wait(pool, reactor->call(std::move(entry), to_bytes(argument), options)));
  }
  ~Http() override {
    if (reactor) sync_wait(pool, reactor->close());
  }
};
INSTANTIATE_TEST_SUITE_P(Ways, Http, ::testing::Values(How::compiled, How::interpreted, How::native),
                         [](const auto& info) {
                           return info.param == How::native        ? "Native"
                                  : info.param == How::interpreted ? "Interpreted"
                                                                   : "Compiled";
                         });

TEST_P(Http, AGuestFetchesOverTlsThatTheHostVerifies) {
  open();
  EXPECT_EQ(call("fetch", site.url("/report")), R"(200 application/json: {"name":"crank","turns":3})");
  EXPECT_THAT(call("fetch", site.url("/nowhere")), HasSubstr("404"));
}

TEST_P(Http, AnUntrustedServerIsAnError) {
  open();
  Site other;
  EXPECT_THAT(call("fetch", other.url("/report")), HasSubstr("error"));
  EXPECT_EQ(other.requests, 0);
}

TEST_P(Http, AHostThatIsNotOnTheListIsRefused) {
  open({.allowed_hosts = {{"example.org"}}});
  EXPECT_THAT(call("fetch", site.url("/report")), HasSubstr("error unsupported"));
  EXPECT_EQ(site.requests, 0);
}

TEST_P(Http, CredentialsAndCookiesStayWithTheHost) {
  open({.credentials = {{concat("127.0.0.1:", site.port()), "authorization", "Bearer 0123-host-only"}}});
  std::string first = call("fetch", site.url("/report"));
  EXPECT_EQ(site.authorization(), "Bearer 0123-host-only");
  EXPECT_EQ(site.cookie(), "");
  call("fetch", site.url("/report"));
  EXPECT_EQ(site.cookie(), "session=s3cr3t");
  EXPECT_THAT(first, ::testing::Not(HasSubstr("s3cr3t")));
  // Neither is anywhere in the guest's memory; the positive control is what it did get.
  Bytes memory = sync_wait(pool, reactor->snapshot());
  std::string_view all = as_text(memory);
  EXPECT_EQ(all.find("0123-host-only"), std::string_view::npos);
  EXPECT_EQ(all.find("s3cr3t"), std::string_view::npos);
  if (GetParam() != How::native) EXPECT_NE(all.find("application/json"), std::string_view::npos);
}

TEST_P(Http, ABodyIsReadInChunks) {
  open({.chunk = 10'000});
  std::string answer = call("fetch_chunks", site.url("/large"));
  EXPECT_THAT(answer, HasSubstr(" 300000 bytes"));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr(" 1 chunks")));
}

TEST_P(Http, ASilentServerMeetsTheDeadlineOfTheCall) {
  open();
  std::string answer = call("fetch", site.url("/silent"), {.deadline = 50ms});
  EXPECT_THAT(answer, HasSubstr("error deadline"));
  EXPECT_THAT(answer, HasSubstr("waits for http GET https://127.0.0.1"));
}

TEST_P(Http, AGetWhoseConnectionBreaksIsTriedAgainAndAPostIsNot) {
  open({.retries = 2, .retry_after = 1ms});
  site.breaks = 2;
  EXPECT_THAT(call("fetch", site.url("/break")), HasSubstr("200 application/json"));
  EXPECT_EQ(site.requests, 3);
  site.breaks = 1;
  EXPECT_THAT(call("post", site.url("/break") + " body"), HasSubstr("error io"));
  EXPECT_EQ(site.requests, 4);
  site.breaks = 3;
  EXPECT_THAT(call("fetch", site.url("/break")), HasSubstr("tried 3 times"));
  EXPECT_EQ(site.requests, 7);
}

TEST_P(Http, ARequestsBodyArrives) {
  open();
  EXPECT_EQ(call("post", site.url("/echo") + " what was sent"), "200 POST what was sent");
  std::string large(200'000, 'y');
  EXPECT_EQ(call("post", concat(site.url("/echo"), " ", large)), concat("200 POST ", large));
}

TEST_P(Http, AnAnswerThatComesBeforeTheBodyWasSentEndsTheExchange) {
  open();
  // Whether the answer is still read depends on when the connection breaks; the exchange is over either way.
  std::string answer = call("post", concat(site.url("/early"), " ", std::string(4 << 20, 'y')));
  EXPECT_TRUE(answer.starts_with("401 not you") || answer.starts_with("error io")) << answer;
  EXPECT_THAT(call("fetch", site.url("/report")), HasSubstr("200 application/json"));
}

TEST_P(Http, RedirectsAreFollowedByTheSameRules) {
  Site other(site.authority);
  open({.allowed_hosts = {{concat("127.0.0.1:", site.port())}}});
  EXPECT_THAT(call("fetch", site.url("/redirect?/report")), HasSubstr("200 application/json"));
  EXPECT_THAT(call("fetch", site.url("/redirect?" + site.url("/report"))), HasSubstr("200 application/json"));
  EXPECT_THAT(call("fetch", site.url("/redirect?" + other.url("/report"))), HasSubstr("error unsupported"));
  EXPECT_EQ(other.requests, 0);
  EXPECT_THAT(call("fetch", site.url("/redirect?http://127.0.0.1/")), HasSubstr("from https to http"));
  std::string round = "/report";
  for (int i = 0; i < 6; ++i) round = "/redirect?" + round;
  EXPECT_THAT(call("fetch", site.url(round)), HasSubstr("more than 5 redirects"));
}

TEST_P(Http, ACredentialGoesToItsHostAloneAndTheGuestCannotReplaceIt) {
  Site other(site.authority);
  open({.credentials = {{concat("127.0.0.1:", site.port()), "authorization", "Bearer of-the-host"}}});
  call("fetch_with", site.url("/report") + " Authorization mine");
  EXPECT_EQ(site.authorization(), "Bearer of-the-host");
  call("fetch_with", other.url("/report") + " authorization mine");
  EXPECT_EQ(other.authorization(), "mine");
  call("fetch_with", site.url("/redirect?" + other.url("/report")) + " authorization mine");
  EXPECT_EQ(other.requests, 2);
  EXPECT_EQ(other.authorization(), "");
}

TEST_P(Http, ACookieGoesBackToItsOriginAloneAndTheGuestCannotSetOne) {
  Site other(site.authority);
  open();
  call("fetch", site.url("/report"));
  call("fetch_with", site.url("/report") + " cookie mine=1");
  EXPECT_EQ(site.cookie(), "session=s3cr3t");
  call("fetch", other.url("/nowhere"));
  EXPECT_EQ(other.cookie(), "");
  call("fetch", site.url("/forget"));
  call("fetch", site.url("/report"));
  EXPECT_EQ(site.cookie(), "");
}

TEST_P(Http, ABodyOverTheLimitIsAnErrorAndTheGuestLives) {
  open({.max_body = 100'000});
  EXPECT_THAT(call("fetch", site.url("/large")), HasSubstr("error limit"));
  EXPECT_THAT(call("fetch", site.url("/report")), HasSubstr("200 application/json"));
}

TEST_P(Http, LeavingABodyEarlyBreaksTheExchangeOff) {
  open();
  EXPECT_EQ(call("fetch_first_chunk", site.url("/endless")), "1");
  site.wait_gone(1);
}

TEST_P(Http, CancellingTheCallerBreaksTheExchangeOff) {
  open();
  auto asked = spawn(reactor->call("fetch", to_bytes(site.url("/silent"))), {.runtime = &pool.runtime()});
  site.wait_requests(1);
  asked.cancel();
  EXPECT_THAT(text(sync_wait(pool, joined(std::move(asked)))), HasSubstr("error cancelled"));
  site.wait_gone(1);
}

// The law behind the teardown: what a reactor started has ended when close() returns, so the pool may end right after.
TEST_P(Http, WhenAReactorIsClosedNothingOfItsExchangesIsLeft) {
  for (const char* path : {"/silent", "/endless"}) {
    auto pool = std::make_unique<Pool>(PoolOptions{.threads = 2});
    auto bridges = std::make_shared<Bridges>();
    auto gate = make_http_gate({.tls = must(io::TlsContext::client(site.authority_pem, true))});
    std::weak_ptr<HttpGate> seen = gate;
    bridges->set_http(std::move(gate));
    bool interpreted = GetParam() == How::interpreted;
    auto reactor =
        GetParam() == How::native
            ? must(Reactor::open(pool->runtime(), native_guest<guest::Twin>("bridges"), {.bridges = bridges}))
            : must(Reactor::open(pool->runtime(), engine_for(interpreted), module_named("bridges", interpreted),
                                 {.bridges = bridges}));
    bridges.reset();
    int before = site.requests;
    auto asked = spawn(reactor->call(path[1] == 's' ? "fetch" : "fetch_chunks", to_bytes(site.url(path))),
                       {.runtime = &pool->runtime()});
    site.wait_requests(before + 1);
    EXPECT_EQ(sync_wait(*pool, reactor->close()).calls.size(), 1u);
    EXPECT_EQ(sync_wait(*pool, joined(std::move(asked))).error().code(), Code::root_dead);
    reactor.reset();
    pool.reset();
    EXPECT_TRUE(seen.expired());
  }
  site.wait_gone(2);
}

TEST_P(Http, AnEmbeddersOwnLoopServesTheGate) {
  io::EventLoop loop;
  std::thread thread([&] { loop.run(); });
  {
    auto gate = make_http_gate(loop, {.tls = must(io::TlsContext::client(site.authority_pem, true))});
    HttpQuery query{.method = "GET", .url = site.url("/report")};
    auto answer = must(sync_wait(pool, gate->fetch(std::move(query))));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(as_text(answer.body), R"({"name":"crank","turns":3})");
  }
  loop.post([&] { loop.stop(); });
  thread.join();
}

TEST_P(Http, NonsenseIsAnErrorWithAReason) {
  open();
  EXPECT_THAT(call("fetch", "gopher://x"), HasSubstr("neither http:// nor https://"));
  EXPECT_THAT(call("fetch", "https://user:pass@x/"), HasSubstr("user name"));
}

}  // namespace
}  // namespace crank::reactor
