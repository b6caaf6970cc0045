// The Taskflow peer: `peer_taskflow CASE THREADS` prints nanoseconds an operation. Plain functions on a worker's stack,
// task groups: fork and join only, nothing here suspends. Written for Taskflow 4.1.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <taskflow/taskflow.hpp>
#include <vector>

namespace {

std::uint64_t skynet(tf::Executor& executor, std::uint64_t first, std::uint64_t size) {
  if (size == 1) return first;
  std::array<std::uint64_t, 10> parts{};
  tf::TaskGroup group = executor.task_group();
  for (std::uint64_t i = 0; i < 10; ++i)
    group.silent_async([=, &parts, &executor] { parts[i] = skynet(executor, first + i * (size / 10), size / 10); });
  group.corun();
  std::uint64_t sum = 0;
  for (std::uint64_t part : parts) sum += part;
  return sum;
}

std::uint64_t fib(tf::Executor& executor, int n) {
  if (n < 2) return static_cast<std::uint64_t>(n);
  std::uint64_t left = 0;
  tf::TaskGroup group = executor.task_group();
  group.silent_async([n, &left, &executor] { left = fib(executor, n - 1); });
  std::uint64_t right = fib(executor, n - 2);
  group.corun();
  return left + right;
}

std::uint64_t join(tf::Executor& executor, int width, int rounds) {
  std::uint64_t sum = 0;
  std::vector<std::uint64_t> parts(static_cast<std::size_t>(width));
  for (int round = 0; round < rounds; ++round) {
    tf::TaskGroup group = executor.task_group();
    for (int i = 0; i < width; ++i) group.silent_async([&parts, i] { parts[static_cast<std::size_t>(i)] = 1; });
    group.corun();
    for (std::uint64_t part : parts) sum += part;
  }
  return sum;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  tf::Executor executor(static_cast<std::size_t>(std::atoi(words[2])));
  std::string name = words[1];
  double operations = 0;
  std::uint64_t kept = 0;
  auto run = [&] {
    executor
        .async([&] {
          if (name == "skynet") kept += skynet(executor, 0, 1'000'000), operations = 1'111'111;
          if (name == "fib") kept += fib(executor, 30), operations = 2'692'537;
          if (name == "join1") kept += join(executor, 1, 200'000), operations = 200'000;
          if (name == "join10") kept += join(executor, 10, 20'000), operations = 200'000;
          if (name == "join30000") kept += join(executor, 30'000, 10), operations = 300'000;
        })
        .wait();
  };
  run();
  auto start = std::chrono::steady_clock::now();
  run();
  std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
  std::printf("%f\n", kept ? time.count() / operations : 0.0);
}
