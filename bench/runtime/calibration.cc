// What this machine does today, without a runtime: the scale by which figures of other sessions are compared.
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <cstdlib>

#include "bench/runtime/harness.h"
#include "crank/async/frame_pool.h"

namespace bench {
namespace {

[[gnu::noinline]] std::uint64_t plain(std::uint64_t x) {
  keep(x);
  return x + 1;
}

struct Pong {
  struct promise_type {
    Pong get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };
  std::coroutine_handle<promise_type> frame;
};
struct To {
  std::coroutine_handle<>* other;
  bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept { return *other; }
  void await_resume() noexcept {}
};
Pong ping(int count, std::coroutine_handle<>* other) {
  for (int i = 0; i < count; ++i) co_await To{other};
}
Pong pong(std::coroutine_handle<>* other) {
  for (;;) co_await To{other};
}

}  // namespace

void add_calibration(std::vector<Row>& rows) {
  rows.push_back({"calibration_call", "a plain call that is not inlined", [] {
                    std::uint64_t sum = 0;
                    for (int i = 0; i < 500'000; ++i) sum += plain(sum);
                    keep(sum);
                    return 5e5;
                  }});
  rows.push_back({"calibration_pool_frame", "a 96-byte block taken from the thread's pool and given back", [] {
                    for (int i = 0; i < 500'000; ++i) {
                      void* block = crank::detail::frame_allocate(96);
                      keep(block);
                      crank::detail::frame_free(block, 96);
                    }
                    return 5e5;
                  }});
  rows.push_back({"calibration_compare_and_swap", "compare-and-swap on an own line", [] {
                    std::atomic<std::uint64_t> word{0};
                    for (std::uint64_t i = 0; i < 500'000; ++i) {
                      std::uint64_t expected = i;
                      word.compare_exchange_strong(expected, i + 1);
                    }
                    keep(word);
                    return 5e5;
                  }});
  rows.push_back({"calibration_transfer", "symmetric transfer, one way", [] {
                    constexpr int count = 500'000;
                    std::coroutine_handle<> a, b;
                    Pong one = ping(count, &b), two = pong(&a);
                    a = one.frame;
                    b = two.frame;
                    a.resume();
                    one.frame.destroy();
                    two.frame.destroy();
                    return 2.0 * count;
                  }});
}

}  // namespace bench
