// Laws that hold below a Reactor: where the host may act, and what interpreting leaves in the process.
#include <gmock/gmock.h>

#include <fstream>

#include "crank/reactor/module_guest.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using ::testing::HasSubstr;
using testing::module_named;
using testing::must;

struct Bold final : GuestHost {
  Guest* guest = nullptr;
  std::vector<Error> refused;
  void on_complete(std::uint32_t, std::uint32_t, View) noexcept override {
    if (auto pumped = guest->pump(1); !pumped) refused.push_back(pumped.error());
    if (auto resumed = guest->resume(1, Status::ok, {}); !resumed) refused.push_back(resumed.error());
    if (auto entered = guest->enter("echo", {}); !entered) refused.push_back(entered.error());
  }
  void on_request(const Request&) noexcept override {}
  void on_forget(std::uint32_t) noexcept override {}
  void on_close(std::uint32_t) noexcept override {}
  std::int64_t on_now() noexcept override { return 0; }
  void on_log(LogLevel, std::string_view) noexcept override {}
  void on_trace(std::uint32_t, std::uint32_t, std::int64_t) noexcept override {}
};

TEST(Top, ActingFromInsideAGuestCallIsAnErrorWithAName) {
  for (bool interpreted : {false, true}) {
    Bold host;
    auto guest = must(make_module_guest(engine_for(interpreted), module_named("bridges", interpreted), host));
    host.guest = guest.get();
    must(guest->enter("echo", to_bytes("x")));
    while (must(guest->pump(unlimited))->ready != 0) {}
    ASSERT_EQ(host.refused.size(), 3u);
    for (const Error& error : host.refused) {
      EXPECT_EQ(error.code(), Code::bad_state);
      EXPECT_THAT(error.message(), HasSubstr("from inside a guest call"));
    }
  }
}

}  // namespace
}  // namespace crank::reactor
