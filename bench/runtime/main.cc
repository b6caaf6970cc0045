// The runtime's benchmark: `bench_runtime [--rounds N] [--json FILE] [--only TEXT]`. Only rows whose name holds the text, and
// the calibration they are scaled by. Ends with 1 when a limit that decides was missed.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "bench/runtime/harness.h"
#include "bench/runtime/pools.h"

namespace bench {

crank::Pool& pool_of(unsigned threads) {
  static std::unique_ptr<crank::Pool> pools[3];
  if (!pools[threads]) pools[threads] = std::make_unique<crank::Pool>(crank::PoolOptions{.threads = threads});
  return *pools[threads];
}

}  // namespace bench

int main(int count, char** words) {
  int rounds = 5;
  std::string json = "build/bench/runtime.json", only;
  for (int i = 1; i + 1 < count; i += 2) {
    if (!std::strcmp(words[i], "--rounds")) rounds = std::atoi(words[i + 1]);
    if (!std::strcmp(words[i], "--json")) json = words[i + 1];
    if (!std::strcmp(words[i], "--only")) only = words[i + 1];
  }
  if (only.empty() || std::string("B15_bytes_a_child").find(only) != std::string::npos) bench::measure_child_bytes();
  std::vector<bench::Row> rows;
  bench::add_calibration(rows);
  bench::add_calls(rows);
  bench::add_forks(rows);
  bench::add_actors(rows);
  bench::add_flow(rows);
  bench::add_structure(rows);
  bench::add_peers(rows);
  bench::add_outside_peers(rows);
  bench::add_bare(rows);
  if (!only.empty())
    std::erase_if(rows, [&](const bench::Row& row) {
      return !row.name.starts_with("calibration") && row.name.find(only) == std::string::npos;
    });
  int missed = bench::report(rows, bench::measure(rows, rounds), json);
  std::printf("figures in %s\n", json.c_str());
  return missed != 0;
}
