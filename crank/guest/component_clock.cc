#include "crank/guest/component_clock.h"

#define CRANK_CLOCK_IMPORT(name) \
  __attribute__((__import_module__("wasi:clocks/monotonic-clock@0.3.0"), __import_name__(name)))
extern "C" {
CRANK_CLOCK_IMPORT("now") std::uint64_t crank_clock_now();
CRANK_CLOCK_IMPORT("[async-lower]wait-until") std::uint32_t crank_clock_wait_until(std::uint64_t when);

std::uint64_t crank_guest_now() { return crank_clock_now(); }
std::uint32_t crank_guest_wait_until(std::uint64_t when) { return crank_clock_wait_until(when); }
}
