// Peers with a program of their own: tokio, Taskflow, Swift, where bench/runtime/peers.sh has built them. Each prints
// wall nanoseconds an operation; the processors it may use are limited by its own argument, or by taskset.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/runtime/harness.h"

namespace bench {
namespace {

double ask(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  double ns = 0;
  if (pipe && std::fscanf(pipe, "%lf", &ns) != 1) ns = 0;
  if (pipe) pclose(pipe);
  return ns;
}

struct Case {
  const char *row, *name;
  int threads;
};
constexpr Case fork_and_join[] = {{"B1_skynet_1t", "skynet", 1},
                                  {"B1_skynet_2t", "skynet", 2},
                                  {"B2_fib_1t", "fib", 1},
                                  {"B2_fib_2t", "fib", 2},
                                  {"B7_join_1_1t", "join1", 1},
                                  {"B7_join_10_1t", "join10", 1},
                                  {"B7_join_30000_1t", "join30000", 1}};
constexpr Case actors[] = {
    {"B8_hop_idle_1t", "actor1", 1},   {"B9_contended_1", "actor1", 2},         {"B9_contended_8", "actor8", 2},
    {"B9_contended_64", "actor64", 2}, {"B9_contended_10000", "actor10000", 2}, {"B10_channel_1x1_1t", "channel1", 1},
    {"B16_sleep", "sleep", 1}};
constexpr Case swift_only[] = {
    {"B6_call", "call", 1}, {"B11_continuation", "continuation", 1}, {"B12_cancelled", "cancelled", 1}};

}  // namespace

void add_outside_peers(std::vector<Row>& rows) {
  auto add = [&](const char* variable, const char* peer, bool by_taskset, auto&... lists) {
    const char* program = std::getenv(variable);
    if (!program) return;
    auto one = [&](const Case& what) {
      std::string command = by_taskset ? std::string("taskset -c ") + (what.threads == 1 ? "0 " : "0,1 ") : "";
      command += std::string(program) + " " + what.name;
      if (!by_taskset) command += " " + std::to_string(what.threads);
      rows.push_back({std::string(what.row) + "_" + peer, "the peer", [=] { return ask(command); }, 0, 0, "ns", true});
    };
    (
        [&](auto& list) {
          for (const Case& what : list) one(what);
        }(lists),
        ...);
  };
  add("CRANK_PEER_TOKIO", "tokio", false, fork_and_join, actors);
  add("CRANK_PEER_TASKFLOW", "Taskflow", false, fork_and_join);
  add("CRANK_PEER_SWIFT", "Swift", true, fork_and_join, actors, swift_only);
}

}  // namespace bench
