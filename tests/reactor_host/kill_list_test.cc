// The kill list comes from a server, through the gate and its rules, and is believed only when it is signed.
#include <gmock/gmock.h>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/reactor/chain.h"
#include "crank/reactor/http.h"
#include "tests/reactor_host/site.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using ::testing::HasSubstr;
using testing::must;
using testing::read_module;
using testing::Site;
using testing::text;

struct Fetched : ::testing::TestWithParam<bool> {
  Site site;
  Pool pool{{.threads = 2}};
  KeyPair key = KeyPair::make();
  std::shared_ptr<HttpGate> gate = make_http_gate({.tls = must(io::TlsContext::client(site.authority_pem, true)),
                                                   .allowed_hosts = {{concat("127.0.0.1:", site.port())}}});
  std::shared_ptr<Chain> chain =
      Chain::make(pool.runtime(), {.name = "sdk", .keys = {key.public_key}, .engine = engine_for(GetParam())});

  Release release(std::uint64_t version) {
    return Release::sign("bridges", version, read_module("bridges"), key.secret_key);
  }
  Result<KillList> fetch(std::string_view path) {
    return sync_wait(pool, fetch_kill_list(*gate, site.url(path), {key.public_key}));
  }
  Fetched() { must(sync_wait(pool, chain->start(release(2), release(1)))); }
  ~Fetched() override { sync_wait(pool, chain->close()); }
};
INSTANTIATE_TEST_SUITE_P(Engines, Fetched, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "Interpreted" : "Compiled"; });

TEST_P(Fetched, AListFromTheServerDisablesAVersionAndTheOneBeforeServes) {
  site.put("/kill", KillList::sign(3, {{"bridges", 2}}, key.secret_key));
  must(sync_wait(pool, chain->apply(must(fetch("/kill")))));
  EXPECT_EQ(chain->state().version, 1u);
  EXPECT_EQ(text(sync_wait(pool, chain->call("echo", to_bytes("x")))), "x");
}

TEST_P(Fetched, AListThatIsForgedCutMissingOrElsewhereIsAnErrorAndNothingChanges) {
  std::string good = KillList::sign(3, {{"bridges", 2}}, key.secret_key);
  site.put("/forged", KillList::sign(3, {{"bridges", 2}}, KeyPair::make().secret_key));
  site.put("/cut", good.substr(0, good.size() / 2));
  site.put("/empty", "");
  for (const char* path : {"/forged", "/cut", "/empty"}) EXPECT_FALSE(fetch(path).has_value()) << path;
  EXPECT_EQ(fetch("/missing").error().code(), Code::not_found);
  Site other(site.authority);
  other.put("/kill", good);
  EXPECT_EQ(sync_wait(pool, fetch_kill_list(*gate, other.url("/kill"), {key.public_key})).error().code(),
            Code::unsupported);
  EXPECT_EQ(chain->state().rung, Rung::current);
  EXPECT_EQ(chain->state().version, 2u);
}

}  // namespace
}  // namespace crank::reactor
