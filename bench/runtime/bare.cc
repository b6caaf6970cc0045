// B14: what priorities, compiled-in trace points and exceptions cost, as the ratio of processor time to our own bare build,
// which is run in between (CRANK_BENCH_BARE names it).
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "bench/runtime/harness.h"

namespace bench {
namespace {

// The smallest processor time of `row` in five rounds of `program`.
double ask(const std::string& program, const std::string& row) {
  std::string file =
      "/tmp/crank_bench_" + std::to_string(static_cast<long>(std::hash<std::string>{}(program + row) % 100000));
  // Without the names of the others, or it would ask them in turn.
  std::string command = "env -u CRANK_BENCH_BARE -u CRANK_PEER_GO " + program + " --rounds 5 --only " + row +
                        " --json " + file + " >/dev/null 2>&1";
  if (std::system(command.c_str()) == -1) return 0;
  double value = 0;
  if (std::FILE* json = std::fopen(file.c_str(), "r")) {
    char text[16384] = {};
    std::size_t size = std::fread(text, 1, sizeof text - 1, json);
    std::fclose(json);
    std::remove(file.c_str());
    std::string all(text, size);
    auto at = all.find("\"cpu_min\":", all.find("\"" + row + "\""));
    if (at != std::string::npos) value = std::atof(all.c_str() + at + 10);
  }
  return value;
}

}  // namespace

void add_bare(std::vector<Row>& rows) {
#if defined(CRANK_BARE_BENCHMARK)
  return;  // it is the one that is asked
#endif
  const char* bare = std::getenv("CRANK_BENCH_BARE");
  if (!bare) return;
  std::string theirs = bare;
  std::string ours = theirs.substr(0, theirs.size() - std::string("_bare").size());
  for (const char* row : {"B1_skynet_1t", "B2_fib_1t", "B6_call_slab", "B7_join_10_1t"}) {
    std::string name = "B14_" + std::string(row);
    rows.push_back({"full_" + name, "processor time of the full build, a process of its own",
                    [=] { return ask(ours, row); }, 0, 0, "ns", true});
    rows.push_back({"bare_" + name, "processor time of the bare build, a process of its own",
                    [=] { return ask(theirs, row); }, 0, 0, "ns", true});
    rows.push_back({name,
                    "the full build over the bare one, smallest of all rounds",
                    {},
                    1.05,
                    1.1,
                    "ratio",
                    true,
                    false,
                    "full_" + name,
                    "bare_" + name});
  }
}

}  // namespace bench
