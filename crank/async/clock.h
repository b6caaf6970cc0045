// Three clocks. A runtime sleeps by its own (runtime.h): a pool's and an event loop's is the suspending one, a manual
// executor's is virtual.
#pragma once

#include "crank/async/timer_queue.h"

namespace crank {

/// Stands still while the machine is asleep: for timeouts and for measuring work. The same as std::chrono::steady_clock.
Instant suspending_now() noexcept;
/// Goes on while the machine is asleep: for "ten minutes from now" as a person means it. Its origin is not the other's.
Instant continuous_now() noexcept;

}  // namespace crank
