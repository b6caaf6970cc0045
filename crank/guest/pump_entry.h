// One entry under way, as the pump keeps it. Internal to the pump's sources.
#pragma once

#include "crank/async/frame_pool.h"
#include "crank/guest/pump.h"

namespace crank::guest {

/// Its job is the request to cancel it, so that asking allocates nothing and cancellation handlers, which are user code, run
/// inside a pump turn.
struct Pump::Entry : Job {
  Entry(Pump& home, EntryFunction body, Bytes given) noexcept
      : Job(cancel_task), pump(home), function(body), argument(std::move(given)) {}
  static void* operator new(std::size_t size) { return crank::detail::frame_allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { crank::detail::frame_free(memory, size); }

  static void cancel_task(Job* job) noexcept {
    auto& entry = *static_cast<Entry*>(job);
    entry.cancel_queued = false;
    if (entry.task)
      entry.task->cancel();
    else
      delete &entry;
  }

  Pump& pump;
  EntryFunction function;
  Bytes argument;
  std::uint32_t id = 0;
  TaskRecord* task = nullptr;  // null: completed
  bool cancel_queued = false;
};

}  // namespace crank::guest
