// Time in a component: crank/async's clock and timers over wasi:clocks/monotonic-clock. The functions are weak in the guest
// runtime and trap; a guest built with CLOCK (cmake/CrankGuest.cmake) links the real ones, and only then imports the clock.
#pragma once

#include <cstdint>

extern "C" {
/// Nanoseconds of the monotonic clock.
std::uint64_t crank_guest_now();
/// Starts waiting for that instant of the monotonic clock; answers a canonical::SubtaskStatus.
std::uint32_t crank_guest_wait_until(std::uint64_t when);
}
