// The scheduling scenarios (P8) under this host, compiled and interpreted, at every budget, with answers in every order: the
// lines must be those the same sources write natively (tests/guests/reactor/scenarios.txt).
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "crank/async/continuation.h"
#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::all_modes;
using testing::Mode;
using testing::module_named;
using testing::Rig;
using testing::text;

std::map<std::string, std::string> golden() {
  std::map<std::string, std::string> out;
  std::ifstream file(CRANK_REACTOR_BAD "/../scenarios.txt");
  std::string line, name;
  while (std::getline(file, line)) {
    if (line.starts_with("# "))
      name = line.substr(2);
    else if (!line.empty())
      out[name] += line + "\n";
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& all) {
  std::vector<std::string> out;
  std::size_t at = 0;
  for (std::size_t end; (end = all.find('\n', at)) != std::string::npos; at = end + 1)
    out.push_back(all.substr(at, end - at));
  return out;
}

struct Scenarios : ::testing::TestWithParam<Mode> {
  std::string play(const std::string& name, const std::vector<std::size_t>& order) {
    Rig rig;
    struct Open {
      std::string upper;
      Continuation<Result<Bytes>> done;
    };
    std::vector<Open> open;
    rig.bridges->add("upper", [&open](BridgeRequest request) -> Task<Result<Bytes>> {
      std::string upper(as_text(request.argument));
      std::transform(upper.begin(), upper.end(), upper.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      co_return co_await with_continuation<Result<Bytes>>(
          [&](Continuation<Result<Bytes>> done) { open.push_back({std::move(upper), std::move(done)}); });
    });
    // The sentence of a refusal is the host's; the golden lines hold the one of the host they were written under.
    rig.bridges->add_immediate("no_such_function", [](BridgeRequest&) -> Result<Bytes> {
      return fail(Code::unsupported, "the host offers no such thing");
    });
    rig.open(module_named("scenarios", GetParam().interpreted), GetParam().interpreted, {.budget = GetParam().budget});
    auto task = spawn(rig.reactor->call("scenario", to_bytes(name)), {.runtime = &rig.manual.runtime()});
    std::size_t picked = 0;
    for (rig.manual.run(); !task.is_done(); rig.manual.run()) {
      if (!open.empty()) {
        std::size_t i = std::min(order[picked++ % order.size()], open.size() - 1);
        Open one = std::move(open[i]);
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
        one.done.resume(to_bytes(one.upper));
      } else if (rig.manual.next_timer()) {
        rig.manual.advance(*rig.manual.next_timer() - rig.manual.now());
      } else {
        return "never ends\n";
      }
    }
    for (Open& one : open) one.done.resume(Bytes());
    return text(task.result_now().take<Exceptions::none>());
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Scenarios, all_modes(), testing::name_of_mode);

TEST_P(Scenarios, WriteTheSameLinesAsNativelyInEveryOrderOfAnswers) {
  auto expected = golden();
  Rig rig;
  rig.open(module_named("scenarios", GetParam().interpreted), GetParam().interpreted);
  auto names = lines_of(rig.call("names"));
  EXPECT_GE(names.size(), 12u);
  for (const std::string& name : names) {
    for (const std::vector<std::size_t>& order :
         std::vector<std::vector<std::size_t>>{{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {1, 1, 0}, {2, 0, 0}, {2, 1, 0}}) {
      std::string heading = name.ends_with("as_they_come") ? concat(name, " ", order[0], order[1], order[2]) : name;
      ASSERT_TRUE(expected.contains(heading)) << heading;
      EXPECT_EQ(play(name, order), expected[heading]) << heading;
    }
  }
}

}  // namespace
}  // namespace crank::reactor
