// The harness of the runtime's benchmarks: every row is run in rounds interleaved with all others. Printed are minimum and
// median of wall time and of the processor time of all threads, an operation, and the memory resident at the most.
//
// The figures that a row must reach come from another day and machine, which measured four small things with the same code as
// this run does (`calibration_...`). A row's figure times the median ratio of those, theirs over ours, is `scaled`, and held
// against them. A peer measured in the same run needs no scale.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

/// Nothing of `value` is optimised away.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// One measurement: does the work and says how many operations that were.
struct Row {
  std::string name;             ///< B6_call_slab, calibration_call, ...; a peer's: the row's name, and `_peer`
  std::string what;             ///< a sentence for the table
  std::function<double()> run;  ///< operations done
  double target = 0;            ///< what we aim for; 0: none
  double limit = 0;             ///< what must hold ("at least"); 0: reported only
  std::string unit = "ns";
  bool is_value = false;  ///< `run` answers the figure itself, not a count
  /// The work keeps one thread busy without waiting: on a quiet machine processor time and wall time are one. The limit is
  /// then held against the smaller of the two, so that a neighbour's load decides nothing.
  bool one_thread = false;
  /// Not run: the figure of one row over that of another.
  std::string over = {}, under = {};
};

struct Measured {
  double wall_min = 0, wall_median = 0, cpu_min = 0, cpu_median = 0;
  double resident = 0;  ///< MiB, the most while the row ran
};

/// Runs all rows `rounds` times, interleaved.
std::vector<Measured> measure(const std::vector<Row>& rows, int rounds);
/// Prints the table and writes the JSON file; answers how many limits were missed of the rows that decide (B6, B8, B9, B11,
/// B12, B14, B15, B16).
int report(const std::vector<Row>& rows, const std::vector<Measured>& figures, const std::string& json_path);

void add_calibration(std::vector<Row>& rows);
void add_calls(std::vector<Row>& rows);
void add_forks(std::vector<Row>& rows);
void add_actors(std::vector<Row>& rows);
void add_flow(std::vector<Row>& rows);
void add_structure(std::vector<Row>& rows);
/// For B15: called before any thread runs and any pool is filled.
void measure_child_bytes();
void add_peers(std::vector<Row>& rows);
void add_outside_peers(std::vector<Row>& rows);
/// B14: rows of the bare build, and the ratio of ours to them once both are measured.
void add_bare(std::vector<Row>& rows);

}  // namespace bench
