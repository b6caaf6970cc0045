// B6 async calls, B11 continuations, B12 the small questions.
#include <cstdint>

#include "bench/runtime/harness.h"
#include "bench/runtime/pools.h"
#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/task.h"
#include "crank/async/task_local.h"

namespace bench {
namespace {

using crank::Task;

// The call that calibration.cc measures with nothing of ours in it: what differs is the promise.
Task<> callee(std::uint64_t& sum) {
  ++sum;
  co_return;
}
[[gnu::noinline, clang::coro_wrapper]] Task<> opaque_callee(std::uint64_t& sum) { return callee(sum); }
Task<> elided(int count, std::uint64_t& sum) {
  for (int i = 0; i < count; ++i) co_await callee(sum);
}
Task<> from_pool(int count, std::uint64_t& sum) {
  for (int i = 0; i < count; ++i) {
    auto call = opaque_callee(sum);
    co_await std::move(call);
  }
}
template <auto& body>
Task<std::uint64_t> counted(int count) {
  std::uint64_t sum = 0;
  co_await body(count, sum);
  co_return sum;
}

// The same with a number in and a number out, which both go through memory.
Task<std::uint64_t> successor(std::uint64_t x) {
  keep(x);
  co_return x + 1;
}
[[gnu::noinline, clang::coro_wrapper]] Task<std::uint64_t> opaque_successor(std::uint64_t x) {
  keep(x);
  return successor(x);
}
Task<std::uint64_t> value_elided(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await successor(static_cast<std::uint64_t>(i));
  co_return sum;
}
Task<std::uint64_t> value_from_pool(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    auto call = opaque_successor(static_cast<std::uint64_t>(i));
    sum += co_await std::move(call);
  }
  co_return sum;
}

Task<std::uint64_t> checked(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i)
    sum += co_await crank::with_continuation<int>([](crank::Continuation<int> done) { done.resume(1); });
  co_return sum;
}
Task<std::uint64_t> unchecked(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i)
    sum += co_await crank::with_unsafe_continuation<int>([](crank::UnsafeContinuation<int> done) { done.resume(1); });
  co_return sum;
}

Task<std::uint64_t> ask_cancelled(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    sum += crank::is_cancelled();
    keep(sum);
  }
  co_return sum;
}
Task<std::uint64_t> ask_priority(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    sum += static_cast<std::uint64_t>(static_cast<crank::Priority>(crank::current_task()->priority));
    keep(sum);
  }
  co_return sum;
}
const crank::TaskLocal<int> keys[8];
Task<std::uint64_t> ask_local(int depth, int count) {
  if (depth > 0) {
    crank::LocalScope scope(keys[depth - 1], depth);
    co_return co_await ask_local(depth - 1, count);
  }
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    sum += static_cast<std::uint64_t>(*keys[7].get());
    keep(sum);
  }
  co_return sum;
}
Task<std::uint64_t> ask_local_at_eight(int count) { co_return co_await ask_local(8, count); }
Task<std::uint64_t> ask_local_at_one(int count) {
  crank::LocalScope scope(keys[7], 1);
  co_return co_await ask_local(0, count);
}

}  // namespace

void add_calls(std::vector<Row>& rows) {
  constexpr int many = 200'000;
  auto row = [&](const char* name, const char* what, auto body, double target, double limit) {
    rows.push_back(
        {name, what, [body] { return keep(run_on_one(body(many))), double{many}; }, target, limit, "ns", false, true});
  };
  row("B6_call_elided", "await of a call whose frame the compiler elides", counted<elided>, 3, 4.2);
  row("B6_call_slab", "await of a call whose frame comes from the pool", counted<from_pool>, 5.5, 7);
  row("B6_value_elided", "the same two calls with an argument and a result: elided", value_elided, 0, 0);
  row("B6_value_slab", "and with the frame from the pool", value_from_pool, 0, 0);
  row("B11_continuation_checked", "a checked continuation made and resumed", checked, 25, 44);
  row("B11_continuation_unsafe", "an unsafe continuation made and resumed", unchecked, 0, 0);
  row("B12_is_cancelled", "is the task cancelled", ask_cancelled, 1, 4);
  row("B12_task_local_1", "a task-local at depth 1", ask_local_at_one, 5, 4);
  row("B12_task_local_8", "a task-local at depth 8", ask_local_at_eight, 10, 10);
  row("B12_priority", "the current priority", ask_priority, 1, 4);
}

}  // namespace bench
