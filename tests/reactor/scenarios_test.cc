// The scheduling scenarios (P8) natively: on the manual FIFO executor, and on the pump at every budget, with the host's answers in
// every order. The lines must be those of tests/guests/reactor/scenarios.txt, which the wasm32 build is held to as well.
// CRANK_REBASE=1 writes that file from the manual executor's run.
#include "tests/guests/reactor/scenarios.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "crank/async/manual_executor.h"
#include "tests/reactor/fake_host.h"

namespace crank::guest {
namespace {

constexpr const char* golden_file = CRANK_SOURCE_DIR "/tests/guests/reactor/scenarios.txt";

// Which of the open requests is answered at each step: every order of three.
const std::vector<std::vector<std::size_t>> orders = {{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {1, 1, 0}, {2, 0, 0}, {2, 1, 0}};

std::string heading(const scenarios::Scenario& scenario, const std::vector<std::size_t>& order) {
  std::string text = concat("# ", scenario.name);
  // Only here do the lines depend on the order of the answers.
  if (std::string_view(scenario.name).ends_with("as_they_come")) text += concat(" ", order[0], order[1], order[2]);
  return text;
}

std::map<std::string, std::string> read_golden() {
  std::map<std::string, std::string> sections;
  std::ifstream file(golden_file);
  std::string line, name;
  while (std::getline(file, line)) {
    if (line.starts_with("# "))
      name = line;
    else if (!line.empty())
      sections[name] += line + "\n";
  }
  return sections;
}

void offer_functions(FakeHost& host) {
  host.functions["upper"] = [](std::string_view text) {
    std::string upper(text);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return upper;
  };
}

std::string run_manually(const scenarios::Scenario& scenario, const std::vector<std::size_t>& order) {
  ManualExecutor manual;
  FakeHost host;
  host.picks = order;
  offer_functions(host);
  Bridges bridges(host.imports());
  Bridges::Scope scope(bridges);
  scenarios::Lines lines;
  auto task = spawn(scenario.run(lines), {.executor = manual.runtime().main(), .runtime = &manual.runtime()});
  for (manual.run(); !task.is_done(); manual.run()) {
    if (host.answer_one(bridges)) continue;
    if (!manual.next_timer()) return lines.text() + "never ends\n";
    manual.advance(*manual.next_timer() - manual.now());
  }
  return lines.text();
}

const scenarios::Scenario* asked_for = nullptr;
Task<Result<Bytes>> run_asked(std::span<const std::byte>) {
  scenarios::Lines lines;
  co_await asked_for->run(lines);
  co_return Bytes(lines.text());
}

std::string run_pumped(const scenarios::Scenario& scenario, const std::vector<std::size_t>& order,
                       std::uint32_t budget) {
  FakeHost host;
  host.picks = order;
  offer_functions(host);
  Pump pump(host.imports());
  asked_for = &scenario;
  std::uint32_t task = FakeHost::start(pump, run_asked);
  if (!host.finish(pump, task, budget)) return "never ends\n";
  EXPECT_EQ(pump.tasks(), 0U);
  EXPECT_EQ(pump.bridges().live(), 0U);
  EXPECT_EQ(host.completed[task].size(), 1U);
  return host.text_of(task);
}

TEST(Scenarios, OnTheManualExecutorWriteTheGoldenLines) {
  if (std::getenv("CRANK_REBASE")) {
    std::ofstream file(golden_file);
    std::string last;
    for (const auto& scenario : scenarios::all()) {
      for (const auto& order : orders) {
        std::string name = heading(scenario, order);
        if (name == last) continue;
        last = name;
        file << name << "\n" << run_manually(scenario, order) << "\n";
      }
    }
  }
  auto golden = read_golden();
  for (const auto& scenario : scenarios::all())
    for (const auto& order : orders)
      EXPECT_EQ(run_manually(scenario, order), golden[heading(scenario, order)]) << heading(scenario, order);
}

TEST(Scenarios, OnThePumpWriteTheSameLinesAtEveryBudgetInEveryOrderOfAnswers) {
  auto golden = read_golden();
  ASSERT_GE(golden.size(), scenarios::all().size());
  for (const auto& scenario : scenarios::all())
    for (const auto& order : orders)
      for (std::uint32_t budget : {1U, 2U, 7U, unlimited})
        EXPECT_EQ(run_pumped(scenario, order, budget), golden[heading(scenario, order)])
            << heading(scenario, order) << " with budget " << budget;
}

}  // namespace
}  // namespace crank::guest
