#include "bench/runtime/harness.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace bench {
namespace {

double wall_now() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double cpu_now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

std::vector<Measured> measure(const std::vector<Row>& rows, int rounds) {
  std::vector<std::vector<double>> wall(rows.size()), cpu(rows.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].is_value) {
        double value = rows[i].run();
        wall[i].push_back(value);
        cpu[i].push_back(0);
        continue;
      }
      double cpu_start = cpu_now(), start = wall_now();
      double operations = rows[i].run();
      double end = wall_now(), cpu_end = cpu_now();
      wall[i].push_back((end - start) / operations);
      cpu[i].push_back((cpu_end - cpu_start) / operations);
    }
  }
  std::vector<Measured> figures;
  for (std::size_t i = 0; i < rows.size(); ++i)
    figures.push_back({*std::min_element(wall[i].begin(), wall[i].end()), median(wall[i]),
                       *std::min_element(cpu[i].begin(), cpu[i].end()), median(cpu[i])});
  return figures;
}

int report(const std::vector<Row>& rows, const std::vector<Measured>& figures, const std::string& json_path) {
  int missed = 0;
  std::filesystem::create_directories(std::filesystem::path(json_path).parent_path());
  std::ofstream json(json_path);
  json << "{\"rows\":[";
  std::printf("%-34s %10s %10s %10s %10s %8s %8s  %s\n", "row", "min", "median", "cpu min", "cpu", "target", "least",
              "holds");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const Measured& figure = figures[i];
    double value = row.one_thread ? std::min(figure.wall_min, figure.cpu_min) : figure.wall_min;
    bool holds = row.limit == 0 || value <= row.limit;
    missed += !holds;
    std::printf("%-34s %10.2f %10.2f %10.2f %10.2f %8.2f %8.2f  %s\n", row.name.c_str(), figure.wall_min,
                figure.wall_median, figure.cpu_min, figure.cpu_median, row.target, row.limit,
                row.limit == 0 ? "-"
                : holds        ? "yes"
                               : "NO");
    json << (i ? ",\n" : "\n") << "{\"name\":\"" << row.name << "\",\"what\":\"" << row.what << "\",\"unit\":\""
         << row.unit << "\",\"value\":" << value << ",\"wall_min\":" << figure.wall_min
         << ",\"median\":" << figure.wall_median << ",\"cpu_min\":" << figure.cpu_min
         << ",\"cpu_median\":" << figure.cpu_median << ",\"target\":" << row.target << ",\"at_least\":" << row.limit
         << ",\"holds\":" << (holds ? "true" : "false") << "}";
  }
  json << "\n]}\n";
  return missed;
}

}  // namespace bench
