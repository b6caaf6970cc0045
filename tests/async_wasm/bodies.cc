// The laws of crank/async/*_laws_test.cc inside a guest. Exports: `start` makes the task of a law and runs nothing,
// `pump` runs at most so many jobs, `pass` moves the clock to the next timer (false: there is none), `outcome` says 0
// while it runs, 1 when all held, else the line that failed. `timers` says how many are left.
#include <cstring>
#include <optional>
#include <vector>

#include "crank/async/laws.h"
#include "crank/async/manual_executor.h"

using namespace crank;

namespace {

std::vector<const laws::Law*>& all() {
  static std::vector<const laws::Law*> list;
  return list;
}
ManualExecutor* executor;
std::optional<TaskHandle<>> running;

}  // namespace

laws::Law::Law(const char* its_suite, const char* its_name, const char*, int, bool, Task<> (*runs)())
    : suite(its_suite), name(its_name), body(runs) {
  all().push_back(this);
}

#define EXPORT(name) __attribute__((export_name(#name)))
extern "C" {
EXPORT(count) int law_count() { return static_cast<int>(all().size()); }
EXPORT(suite) const char* law_suite(int index) { return all()[static_cast<std::size_t>(index)]->suite; }
EXPORT(name) const char* law_name(int index) { return all()[static_cast<std::size_t>(index)]->name; }
EXPORT(start) void start_law(int index) {
  laws::failed_line = laws::checked = 0;
  running.reset();
  delete executor;
  executor = new ManualExecutor;
  running.emplace(spawn(all()[static_cast<std::size_t>(index)]->body(), {.runtime = &executor->runtime()}));
}
EXPORT(pump) int pump(int budget) { return static_cast<int>(executor->run(static_cast<std::size_t>(budget))); }
EXPORT(pass) int pass() {
  auto next = executor->next_timer();
  if (!next) return 0;
  executor->advance(*next - executor->now());
  return 1;
}
EXPORT(timers) int timers() { return static_cast<int>(executor->runtime().timers().size()); }
EXPORT(outcome) int outcome() {
  if (!running->is_done()) return 0;
  return laws::failed_line ? laws::failed_line : 1;
}
}
