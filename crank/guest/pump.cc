#include "crank/guest/pump.h"

#include "crank/guest/pump_entry.h"

namespace crank::guest {

namespace {
Instant host_now(void* pump) noexcept {
  return Instant(std::chrono::nanoseconds(static_cast<Pump*>(pump)->bridges().imports().now()));
}
}  // namespace

Pump::Pump(Imports imports) noexcept : bridges_(imports), runtime_(capture_.hooks(), host_now, this) {
  runtime_.flatten_priorities();
  runtime_.set_turned_by_one_thread();
}
// The module's state may refer to the runtime, which goes before the bridges.
Pump::~Pump() { bridges_.drop_state(); }

Task<> Pump::run_entry(Entry& entry) {
  LocalScope scope(entry_task, entry.id);
  Result<Bytes> result = co_await entry.function(entry.argument.view());
  Pump& pump = entry.pump;
  pump.tasks_.remove(entry.id);
  const Imports& host = pump.bridges_.imports();
  if (result) {
    host.complete(entry.id, Status::ok, result->view());
  } else {
    const std::string& sentence = result.error().message();
    host.complete(entry.id, status_of(result.error().code()), std::as_bytes(std::span(sentence)));
  }
  entry.task = nullptr;
  if (!entry.cancel_queued) delete &entry;
}

std::uint32_t Pump::start(EntryFunction function, std::byte* data, std::size_t size) noexcept {
  auto* entry = new Entry(*this, function, Bytes::adopt(data, size));
  entry->id = tasks_.add(entry);
  if (entry->id == 0) {
    delete entry;
    return 0;
  }
  std::uint32_t id = entry->id;
  auto task = spawn_detached(run_entry(*entry), {.executor = runtime_.main(), .runtime = &runtime_});
  entry->task = &task.task();
  std::move(task).run_on();
  return id;
}

Pumped Pump::pump(std::uint32_t budget) noexcept {
#if !defined(__wasm__)
  Bridges::Scope scope(bridges_);
#endif
  if (Instant due = capture_.deadline(); due != Instant::max() && due <= runtime_.now()) capture_.expire();
  std::uint32_t ran = capture_.run(runtime_, budget);
  return {ran, capture_.ready()};
}

std::int64_t Pump::deadline() noexcept {
  // The runtime leaves the wake-up of a removed timer armed; without timers it stands for nothing.
  if (capture_.deadline() == Instant::max() || runtime_.timers().size() == 0) return no_deadline;
  return capture_.deadline().time_since_epoch().count();
}

bool Pump::cancel(std::uint32_t task) noexcept {
  auto* entry = static_cast<Entry*>(tasks_.find(task));
  if (!entry) return false;
  if (!entry->cancel_queued) {
    entry->cancel_queued = true;
    runtime_.enqueue_main(*entry);
  }
  return true;
}

}  // namespace crank::guest
