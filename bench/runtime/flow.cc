// B10 channels, B16 sleeps.
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <thread>

#include "bench/runtime/harness.h"
#include "bench/runtime/pools.h"
#include "crank/async/channel.h"
#include "crank/async/group.h"
#include "crank/async/sleep.h"

namespace bench {
namespace {

using crank::Task;

Task<std::uint64_t> send_all(crank::Channel<std::uint64_t>& channel, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await channel.send(i);
  co_return 0;
}
Task<std::uint64_t> receive_all(crank::Channel<std::uint64_t>& channel, std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += *co_await channel.receive();
  co_return sum;
}
Task<std::uint64_t> through(int pairs, std::uint64_t count) {
  crank::Channel<std::uint64_t> channel(4096);
  co_return co_await crank::with_group<std::uint64_t>([&](this auto, auto& group) -> Task<std::uint64_t> {
    for (int i = 0; i < pairs; ++i) {
      group.spawn(send_all(channel, count / pairs));
      group.spawn(receive_all(channel, count / pairs));
    }
    std::uint64_t sum = 0;
    while (auto part = co_await group.next()) sum += *part;
    co_return sum;
  });
}

Task<> sleeper(crank::Duration time) { (void)co_await crank::sleep_for(time); }
// Sleeps that end at once in effect: what is measured is making, queueing, firing and ending them.
Task<> sleepers(int count) {
  co_await crank::with_group<>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < count; ++i) group.spawn(sleeper(std::chrono::microseconds(1 + i * 7919 % 997)));
    while (co_await group.next()) {}
  });
}

double idle_cpu() {
  pool_of(1);
  pool_of(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // the monitor's own quiet time
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  return static_cast<double>(after.tv_sec - before.tv_sec) * 1e6 +
         static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e3;
}

}  // namespace

void add_flow(std::vector<Row>& rows) {
  for (unsigned threads : {1u, 2u}) {
    std::string at = "_" + std::to_string(threads) + "t";
    rows.push_back({"B10_channel_1x1" + at, "an element through a channel, one to one",
                    [=] { return keep(run_on(threads, through(1, 400'000))), 4e5; }, 26, 30, "ns", false,
                    threads == 1});
    rows.push_back({"B10_channel_2x2" + at, "an element through a channel, two to two",
                    [=] { return keep(run_on(threads, through(2, 400'000))), 4e5; }, 26, 30, "ns", false,
                    threads == 1});
  }
  rows.push_back({"B16_sleep", "one of 100,000 sleeps", [] { return run_on(1, sleepers(100'000)), 1e5; }, 150, 300,
                  "ns", false, true});
  rows.push_back({"B16_idle_cpu", "processor time of the idle process in half a second, microseconds", idle_cpu, 0, 200,
                  "us", true});
}

}  // namespace bench
