// `crank run MODULE --call ENTRY --arg …` from outside: the program itself, a real module, a local server behind HTTPS.
#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/reactor_host/site.h"

namespace crank::reactor {
namespace {

using ::testing::HasSubstr;
using testing::Site;

struct Ran {
  int code = -1;
  std::string said;  // on both streams
};

Ran run(const std::string& words) {
  Ran out;
  FILE* pipe = ::popen(concat(CRANK_PROGRAM " run ", words, " 2>&1").c_str(), "r");
  if (pipe == nullptr) return out;
  char piece[512];
  for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;) out.said.append(piece, n);
  int status = ::pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

struct Call : ::testing::TestWithParam<const char*> {
  Site site;
  std::string authority =
      (std::filesystem::temp_directory_path() / concat("crank-authority-", ::getpid(), ".pem")).string();

  Call() {
    std::ofstream(authority) << site.authority_pem;
    site.put("/report.json",
             R"({"title": "week 47", "events": [{"name": "open", "count": 3}, {"name": "close", "count": 2}]})");
  }
  ~Call() override { std::filesystem::remove(authority); }
  Ran call(std::string_view module, std::string_view entry, std::string_view argument, std::string_view more = {}) {
    return run(concat(CRANK_REACTOR_MODULES, "/", module, ".wasm --call ", entry, " --arg '", argument, "' ",
                      GetParam(), " ", more));
  }
  std::string trusting() const { return concat("--authority ", authority); }
};
INSTANTIATE_TEST_SUITE_P(Engines, Call, ::testing::Values("", "--interpret"),
                         [](const auto& i) { return i.param[0] == '\0' ? "Compiled" : "Interpreted"; });

TEST_P(Call, FetchesAReportOverHttpsAndPrintsTheModulesAnswer) {
  Ran ran = call("analytics", "fetch_report", site.url("/report.json"), trusting());
  EXPECT_EQ(ran.said, "week 47: open 3, close 2; together 5\n");
  EXPECT_EQ(ran.code, 0);
}

TEST_P(Call, RefusesAServerItDoesNotTrustAndAHostItMayNotAsk) {
  Ran untrusted = call("analytics", "fetch_report", site.url("/report.json"));
  EXPECT_NE(untrusted.code, 0);
  EXPECT_THAT(untrusted.said, HasSubstr(concat("asking https://127.0.0.1:", site.port(), " failed")));
  Ran elsewhere = call("analytics", "fetch_report", site.url("/report.json"), trusting() + " --allow-host example.org");
  EXPECT_NE(elsewhere.code, 0);
  EXPECT_THAT(elsewhere.said, HasSubstr("not allowed"));
  EXPECT_EQ(site.requests, 0);
}

TEST_P(Call, SaysWhatIsWrongInOneSentence) {
  Ran entry = call("analytics", "fetch_reports", "x");
  EXPECT_NE(entry.code, 0);
  EXPECT_THAT(entry.said, HasSubstr("no such entry"));
  Ran trap = call("bridges", "crash", "here");
  EXPECT_NE(trap.code, 0);
  EXPECT_THAT(trap.said, HasSubstr("fall_over"));
  Ran stuck = call("bridges", "wait_for_ever", "");
  EXPECT_NE(stuck.code, 0);
  EXPECT_THAT(stuck.said, HasSubstr("\"wait_for_ever\" (task 1) has not completed"));
  Ran late = call("bridges", "fetch", site.url("/silent"), trusting() + " --timeout 50ms");
  EXPECT_NE(late.code, 0);
  EXPECT_THAT(late.said, HasSubstr("waits for http GET"));
}

}  // namespace
}  // namespace crank::reactor
