// The laws of crank/async/*_laws_test.cc inside a guest, on the executor that guests have (crank/guest/capture.h). Exports:
// `start` makes the task of a law and runs nothing, `pump` runs at most so many jobs, `pass` moves the clock to the next
// timer (false: there is none), `outcome` says 0 while it runs, 1 when all held, else the line that failed. `timers` says
// how many are left, `began` whether a line of the law's task has run, `ready` how many jobs are captured.
#include <cstring>
#include <optional>
#include <vector>

#include "crank/async/laws.h"
#include "crank/async/spawn.h"
#include "crank/guest/capture.h"

using namespace crank;

namespace {

std::vector<const laws::Law*>& all() {
  static std::vector<const laws::Law*> list;
  return list;
}
struct Guest {
  guest::Capture capture;
  Instant now{};  // the host's clock
  Runtime runtime{capture.hooks(), [](void* self) noexcept { return static_cast<Guest*>(self)->now; }, this};
  bool began = false;
  std::optional<TaskHandle<>> running;
};
Guest* guest_now;

// The law is a task of its own: some look at all frames of theirs.
Task<> run(const laws::Law& law) {
  guest_now->began = true;
  co_await spawn(law.body());
}

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
  delete guest_now;
  guest_now = new Guest;
  guest_now->running.emplace(spawn(run(*all()[static_cast<std::size_t>(index)]), {.runtime = &guest_now->runtime}));
}
EXPORT(pump) int pump(int budget) {
  Guest& guest = *guest_now;
  if (guest.capture.deadline() != Instant::max() && guest.capture.deadline() <= guest.now) guest.capture.expire();
  return static_cast<int>(guest.capture.run(guest.runtime, static_cast<std::uint32_t>(budget)));
}
EXPORT(pass) int pass() {
  Instant next = guest_now->capture.deadline();
  if (next == Instant::max()) return 0;
  if (next > guest_now->now) guest_now->now = next;
  return 1;
}
EXPORT(timers) int timers() { return static_cast<int>(guest_now->runtime.timers().size()); }
EXPORT(began) int began() { return guest_now->began; }
EXPORT(ready) int ready() { return static_cast<int>(guest_now->capture.ready()); }
EXPORT(outcome) int outcome() {
  if (!guest_now->running->is_done()) return 0;
  return laws::failed_line ? laws::failed_line : 1;
}
}
