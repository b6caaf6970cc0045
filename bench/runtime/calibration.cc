// What this machine does today, without a runtime: the scale by which figures of other sessions are compared.
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <utility>

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
// Transfers to itself: what a transfer costs when nothing else is to be done.
struct Again {
  static bool await_ready() noexcept { return false; }
  static std::coroutine_handle<> await_suspend(std::coroutine_handle<> here) noexcept {
    keep(here);
    return here;
  }
  static void await_resume() noexcept {}
};
Pong spin(int count) {
  for (int i = 0; i < count; ++i) co_await Again{};
}

struct FromPool {
  static void* allocate(std::size_t size) { return crank::detail::frame_allocate(size); }
  static void free(void* frame, std::size_t size) noexcept { crank::detail::frame_free(frame, size); }
};
// What law R11 first said: last in, first out from a slab that the task owns. Its best case, the slab at hand.
struct FromSlab {
  static void* allocate(std::size_t size) { return std::exchange(top, top + ((size + 15) & ~std::size_t{15})); }
  static void free(void* frame, std::size_t) noexcept { top = static_cast<char*>(frame); }
  alignas(16) static inline thread_local char slab[4096] = {};
  static inline thread_local char* top = slab;
};

// A coroutine called and finished: no task, no promise of ours.
template <class Memory>
struct Call {
  struct promise_type {
    std::coroutine_handle<> caller;
    static void* operator new(std::size_t size) { return Memory::allocate(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { Memory::free(frame, size); }
    Call get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      static bool await_ready() noexcept { return false; }
      static std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> done) noexcept {
        return done.promise().caller;
      }
      static void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };
  std::coroutine_handle<promise_type> frame;
  static bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    frame.promise().caller = caller;
    return frame;
  }
  void await_resume() noexcept { frame.destroy(); }
};
template <class Memory>
[[gnu::noinline]] Call<Memory> callee(std::uint64_t& sum) {
  ++sum;
  co_return;
}
template <class Memory>
Pong caller(int count, std::uint64_t& sum) {
  for (int i = 0; i < count; ++i) {
    Call<Memory> call = callee<Memory>(sum);
    keep(call);
    co_await call;
  }
}
void run_to_end(Pong pong) {
  pong.frame.resume();
  pong.frame.destroy();
}

}  // namespace

void add_calibration(std::vector<Row>& rows) {
  rows.push_back({"calibration_call", "a plain call that is not inlined", [] {
                    std::uint64_t sum = 0;
                    for (int i = 0; i < 500'000; ++i) sum += plain(sum);
                    keep(sum);
                    return 5e5;
                  }});
  rows.push_back({"calibration_pool_frame", "a coroutine called and finished, its frame from the thread's pool", [] {
                    std::uint64_t sum = 0;
                    run_to_end(caller<FromPool>(500'000, sum));
                    keep(sum);
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
                    run_to_end(spin(1'000'000));
                    return 1e6;
                  }});
  rows.push_back({"R11_slab_frame", "the same with its frame from a slab, last in first out, at its best", [] {
                    std::uint64_t sum = 0;
                    run_to_end(caller<FromSlab>(500'000, sum));
                    keep(sum);
                    return 5e5;
                  }});
  for (Row& row : rows) row.one_thread = true;
}

}  // namespace bench
