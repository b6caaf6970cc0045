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

// The most memory since it was last asked, in MiB.
void forget_peak() {
  if (std::FILE* file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
}
double peak() {
  double kib = 0;
  if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, file))
      if (std::sscanf(line, "VmHWM: %lf", &kib) == 1) break;
    std::fclose(file);
  }
  return kib / 1024;
}

// What the same four things took on the machine whose figures the limits are.
struct Reference {
  const char* name;
  double ns;
};
constexpr Reference references[] = {{"calibration_call", 1.5},
                                    {"calibration_pool_frame", 5.2},
                                    {"calibration_compare_and_swap", 5.3},
                                    {"calibration_transfer", 0.63}};

struct Table {
  const std::vector<Row>& rows;
  const std::vector<Measured>& figures;

  double value(std::size_t i) const {
    const Row& row = rows[i];
    if (!row.over.empty()) {
      double under = value_of(row.under);
      return under > 0 ? value_of(row.over) / under : 0;
    }
    return row.one_thread ? std::min(figures[i].wall_min, figures[i].cpu_min) : figures[i].wall_min;
  }
  double value_of(const std::string& name) const {
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i].name == name) return value(i);
    return 0;
  }
  // The median: machines differ most in one thing (what an atomic read-modify-write costs), and no row is made of that alone.
  double scale() const {
    std::vector<double> ratios;
    for (const Reference& reference : references)
      if (double here = value_of(reference.name); here > 0) ratios.push_back(reference.ns / here);
    if (ratios.empty()) return 1;
    std::sort(ratios.begin(), ratios.end());
    return (ratios[(ratios.size() - 1) / 2] + ratios[ratios.size() / 2]) / 2;
  }
  // The row that `i` is a peer's of, or none.
  std::size_t base_of(std::size_t i) const {
    std::size_t found = rows.size();
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (k == i || !rows[i].name.starts_with(rows[k].name + "_")) continue;
      if (found == rows.size() || rows[k].name.size() > rows[found].name.size()) found = k;
    }
    return found;
  }
  // The best peer of a row that was measured in this run, or none.
  std::size_t peer_of(std::size_t i) const {
    std::size_t best = rows.size();
    for (std::size_t k = 0; k < rows.size(); ++k)
      if (base_of(k) == i && value(k) > 0 && (best == rows.size() || value(k) < value(best))) best = k;
    return best;
  }
};

bool decides(const std::string& name) {
  for (const char* row : {"B6_", "B8_", "B9_", "B11_", "B12_", "B14_", "B15_", "B16_"})
    if (name.starts_with(row)) return true;
  return false;
}

}  // namespace

std::vector<Measured> measure(const std::vector<Row>& rows, int rounds) {
  std::vector<std::vector<double>> wall(rows.size()), cpu(rows.size());
  std::vector<Measured> figures(rows.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!rows[i].over.empty()) continue;
      forget_peak();
      // Rows of a millisecond are taken several times a round: each would else see one short stretch of the machine.
      constexpr double enough = 1e7;
      double first = wall_now();
      do {
        double cpu_start = cpu_now(), start = wall_now();
        double answer = rows[i].run();
        double end = wall_now(), cpu_end = cpu_now();
        wall[i].push_back(rows[i].is_value ? answer : (end - start) / answer);
        cpu[i].push_back(rows[i].is_value ? answer : (cpu_end - cpu_start) / answer);
      } while (rows[i].one_thread && !rows[i].is_value && wall_now() - first < enough);
      figures[i].resident = std::max(figures[i].resident, peak());
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (wall[i].empty()) continue;
    figures[i].wall_min = *std::min_element(wall[i].begin(), wall[i].end());
    figures[i].wall_median = median(wall[i]);
    figures[i].cpu_min = *std::min_element(cpu[i].begin(), cpu[i].end());
    figures[i].cpu_median = median(cpu[i]);
  }
  return figures;
}

int report(const std::vector<Row>& rows, const std::vector<Measured>& figures, const std::string& json_path) {
  Table table{rows, figures};
  const double scale = table.scale();
  int missed = 0, others_missed = 0;
  std::filesystem::create_directories(std::filesystem::path(json_path).parent_path());
  std::ofstream json(json_path);
  json << "{\"scale\":" << scale << ",\n\"rows\":[";
  std::printf("scale %.3f: figures of the calibrating machine over ours, median of four\n", scale);
  std::printf("%-34s %9s %9s %9s %9s %6s | %9s %8s %8s %6s %5s | %s\n", "row", "min", "median", "cpu min", "cpu med",
              "MiB", "scaled", "target", "least", "ratio", "holds", "best peer of this run, ours over it");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const Measured& figure = figures[i];
    const double value = table.value(i);
    const bool is_peer = table.base_of(i) != rows.size();
    const bool time = row.unit == "ns" || row.unit == "ms";
    const double scaled = time && !is_peer && !row.name.starts_with("calibration") ? value * scale : value;
    const bool judged = row.limit > 0 && value > 0;
    const bool holds = !judged || scaled <= row.limit;
    if (judged && !holds) ++(decides(row.name) ? missed : others_missed);
    const std::size_t peer = table.peer_of(i);
    const bool beside = peer != rows.size();
    std::printf("%-34s %9.2f %9.2f %9.2f %9.2f %6.0f | %9.2f %8.2f %8.2f ", row.name.c_str(), figure.wall_min,
                figure.wall_median, figure.cpu_min, figure.cpu_median, figure.resident, scaled, row.target, row.limit);
    if (judged)
      std::printf("%6.2f %5s |", scaled / row.limit, holds ? "yes" : "NO");
    else
      std::printf("%6s %5s |", "-", "-");
    if (beside)
      std::printf(" %s %.2f, %.2f", rows[peer].name.c_str() + row.name.size() + 1, table.value(peer),
                  value / table.value(peer));
    std::printf("\n");
    json << (i ? ",\n" : "\n") << "{\"name\":\"" << row.name << "\",\"what\":\"" << row.what << "\",\"unit\":\""
         << row.unit << "\",\"ours\":" << value << ",\"scaled\":" << scaled << ",\"peer\":";
    if (beside)
      json << table.value(peer) << ",\"peer_name\":\"" << rows[peer].name.substr(row.name.size() + 1)
           << "\",\"ratio\":" << value / table.value(peer);
    else
      json << "null,\"peer_name\":null,\"ratio\":null";
    json << ",\"target\":" << row.target << ",\"at_least\":" << row.limit << ",\"scaled_over_at_least\":";
    if (judged)
      json << scaled / row.limit;
    else
      json << "null";
    json << ",\"holds\":" << (judged ? holds ? "true" : "false" : "null") << ",\"wall_min\":" << figure.wall_min
         << ",\"wall_median\":" << figure.wall_median << ",\"cpu_min\":" << figure.cpu_min
         << ",\"cpu_median\":" << figure.cpu_median << ",\"resident_mib\":" << figure.resident << "}";
  }
  json << "\n]}\n";
  std::printf("missed: %d of the limits that decide, %d of the others\n", missed, others_missed);
  return missed;
}

}  // namespace bench
