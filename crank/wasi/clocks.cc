// wasi:clocks@0.3.0: types, monotonic-clock, system-clock. Waiting is the runtime's sleep: cancelling ends it at once.
#include <chrono>

#include "crank/async/sleep.h"
#include "crank/wasi/registration.h"

namespace crank::wasi {
namespace {

constexpr auto longest_sleep = std::chrono::hours(24 * 365 * 100);

std::uint64_t nanoseconds_of(Instant instant) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(instant.time_since_epoch()).count());
}
Instant runtime_now() {
  Runtime* runtime = current_runtime();
  return runtime ? runtime->now() : std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

Result<Value> monotonic_now(Context&, std::span<Value>) { return Value::u64(nanoseconds_of(runtime_now())); }
Result<Value> resolution(Context&, std::span<Value>) { return Value::u64(1); }

Task<Result<Value>> sleep_nanoseconds(std::uint64_t duration) {
  if (duration == 0) co_return Value();
  const auto limit = static_cast<std::uint64_t>(std::chrono::nanoseconds(longest_sleep).count());
  const auto outcome = co_await sleep_for(std::chrono::nanoseconds(std::min(duration, limit)));
  if (outcome == SleepOutcome::cancelled) co_return fail(Code::cancelled, "waiting on wasi:clocks: cancelled");
  co_return Value();
}
Task<Result<Value>> wait_for(std::shared_ptr<Context>, HostCall, std::vector<Value> v) {
  co_return co_await sleep_nanoseconds(v[0].as_u64());
}
Task<Result<Value>> wait_until(std::shared_ptr<Context>, HostCall, std::vector<Value> v) {
  const auto now = nanoseconds_of(runtime_now());
  co_return co_await sleep_nanoseconds(v[0].as_u64() > now ? v[0].as_u64() - now : 0);
}

Result<Value> system_now(Context&, std::span<Value>) {
  const auto since =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  return tuple(Value::s64(seconds.count()), Value::u32(static_cast<std::uint32_t>((since - seconds).count())));
}

constexpr PlainEntry monotonic[] = {{"now", monotonic_now}, {"get-resolution", resolution}};
constexpr AsyncEntry monotonic_waits[] = {{"wait-for", wait_for}, {"wait-until", wait_until}};
constexpr PlainEntry system[] = {{"now", system_now}, {"get-resolution", resolution}};

}  // namespace

void add_clocks(Imports& imports, std::shared_ptr<Context> context) {
  imports.interface("wasi:clocks/types@0.3.0");
  add_functions(imports.interface("wasi:clocks/monotonic-clock@0.3.0"), context, monotonic, monotonic_waits);
  add_functions(imports.interface("wasi:clocks/system-clock@0.3.0"), context, system);
}

}  // namespace crank::wasi
