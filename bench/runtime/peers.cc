// Peers in the same interleaved run, where they are installed: oneTBB (fork and join on plain functions) in this process, Go in
// one of its own. Rows of peers have no limit; they are what the others are read beside.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/runtime/harness.h"

#if CRANK_BENCH_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#endif

namespace bench {
namespace {

#if CRANK_BENCH_TBB
std::uint64_t tbb_skynet(std::uint64_t first, std::uint64_t size) {
  if (size == 1) return first;
  std::uint64_t parts[10];
  oneapi::tbb::task_group group;
  for (std::uint64_t i = 0; i < 10; ++i)
    group.run([&parts, i, first, size] { parts[i] = tbb_skynet(first + i * (size / 10), size / 10); });
  group.wait();
  std::uint64_t sum = 0;
  for (std::uint64_t part : parts) sum += part;
  return sum;
}
std::uint64_t tbb_fib(int n) {
  if (n < 2) return static_cast<std::uint64_t>(n);
  std::uint64_t left = 0, right = 0;
  oneapi::tbb::parallel_invoke([&] { left = tbb_fib(n - 1); }, [&] { right = tbb_fib(n - 2); });
  return left + right;
}
template <class Function>
auto in_arena(int threads, Function function) {
  static oneapi::tbb::global_control two(oneapi::tbb::global_control::max_allowed_parallelism, 2);
  oneapi::tbb::task_arena arena(threads);
  return arena.execute(function);
}
#endif

double ask_go(const std::string& program, const char* what, int threads) {
  std::FILE* pipe = popen((program + " " + what + " " + std::to_string(threads)).c_str(), "r");
  double ns = 0;
  if (pipe && std::fscanf(pipe, "%lf", &ns) != 1) ns = 0;
  if (pipe) pclose(pipe);
  return ns;
}

}  // namespace

void add_peers(std::vector<Row>& rows) {
#if CRANK_BENCH_TBB
  for (int threads : {1, 2}) {
    std::string at = "_" + std::to_string(threads) + "t";
    rows.push_back({"B1_skynet" + at + "_oneTBB", "the peer",
                    [=] { return keep(in_arena(threads, [] { return tbb_skynet(0, 1'000'000); })), 1'111'111.0; }});
    rows.push_back({"B2_fib" + at + "_oneTBB", "the peer",
                    [=] { return keep(in_arena(threads, [] { return tbb_fib(30); })), 2'692'537.0; }});
  }
#endif
  const char* go = std::getenv("CRANK_PEER_GO");
  if (!go) return;
  std::string program = go;
  struct Case {
    const char *row, *name;
    int threads;
  };
  for (Case peer : {Case{"B1_skynet_2t_go", "skynet", 2},
                    {"B2_fib_2t_go", "fib", 2},
                    {"B8_hop_idle_1t_go", "actor1", 1},
                    {"B9_contended_1_go", "actor1", 2},
                    {"B9_contended_8_go", "actor8", 2},
                    {"B9_contended_64_go", "actor64", 2},
                    {"B9_contended_10000_go", "actor10000", 2},
                    {"B10_channel_1x1_1t_go", "channel1", 1},
                    {"B10_channel_1x1_2t_go", "channel1", 2},
                    {"B10_channel_2x2_2t_go", "channel2", 2},
                    {"B16_sleep_go", "sleep", 1}}) {
    rows.push_back({peer.row, "the peer", [=] { return ask_go(program, peer.name, peer.threads); }, 0, 0, "ns", true});
  }
}

}  // namespace bench
