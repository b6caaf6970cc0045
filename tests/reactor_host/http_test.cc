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
  EXPECT_EQ(site.authorization, "Bearer 0123-host-only");
  EXPECT_EQ(site.cookie, "");
  call("fetch", site.url("/report"));
  EXPECT_EQ(site.cookie, "session=s3cr3t");
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

TEST_P(Http, NonsenseIsAnErrorWithAReason) {
  open();
  EXPECT_THAT(call("fetch", "gopher://x"), HasSubstr("neither http:// nor https://"));
  EXPECT_THAT(call("fetch", "https://user:pass@x/"), HasSubstr("user name"));
}

}  // namespace
}  // namespace crank::reactor
