// B13 cancelling a tree and escalating a chain, B15 bytes of a suspended child.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "bench/runtime/harness.h"
#include "bench/runtime/pools.h"
#include "crank/async/async_let.h"
#include "crank/async/group.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"

namespace bench {
namespace {

using crank::Task;
using namespace std::chrono_literals;

Task<> tree(std::uint64_t size) {
  if (size == 1) {
    (void)co_await crank::sleep_for(24h);
    co_return;
  }
  co_await crank::with_group<>([&](this auto, auto& group) -> Task<> {
    for (int i = 0; i < 10; ++i) group.spawn(tree(size / 10));
    while (co_await group.next()) {}
  });
}

double cancel_tree(std::uint64_t leaves) {
  pool_of(2);  // with other threads in the process, or fences between threads would cost nothing
  crank::ManualExecutor manual;
  auto handle = crank::spawn(tree(leaves), {.runtime = &manual.runtime()});
  manual.run();
  auto start = std::chrono::steady_clock::now();
  handle.cancel();
  double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  manual.run();
  return ns / (static_cast<double>(leaves) * 10 / 9);
}

Task<> chain(int length) {
  if (length == 0) {
    (void)co_await crank::sleep_for(24h);
    co_return;
  }
  auto child = crank::async_let(chain(length - 1));
  co_await child;
}

double escalate_chain(int length) {
  pool_of(2);
  crank::ManualExecutor manual;
  auto handle = crank::spawn(chain(length), {.runtime = &manual.runtime()});
  manual.run();
  auto start = std::chrono::steady_clock::now();
  handle.task().escalate(crank::Priority::high);
  double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  handle.cancel();
  manual.run();
  return ns / length;
}

double resident() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long total = 0, pages = 0;
  if (std::fscanf(file, "%ld %ld", &total, &pages) != 2) pages = 0;
  std::fclose(file);
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// A child that waits for ever, in the cheapest way there is.
struct Wait : crank::detail::Awaiter {
  std::vector<crank::TaskRecord*>& waiting;
  explicit Wait(std::vector<crank::TaskRecord*>& list) : waiting(list) {}
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> here) { waiting.push_back(&crank::detail::suspend_current(here)); }
  void await_resume() noexcept {}
};
Task<> waiter(std::vector<crank::TaskRecord*>& list) { co_await Wait(list); }

double bytes_a_child() {
  constexpr int count = 1'000'000;
  crank::ManualExecutor manual;
  std::vector<crank::TaskRecord*> waiting;
  waiting.reserve(count);
  double bytes = 0;
  manual.run([](this auto, std::vector<crank::TaskRecord*>& waiting, double& bytes) -> Task<> {
    co_await crank::with_group<>([&](this auto, auto& group) -> Task<> {
      malloc_trim(0);
      waiting.assign(count, nullptr);
      waiting.clear();
      double before = resident();
      for (int i = 0; i < count; ++i) {
        group.spawn(waiter(waiting));
        if (i % 1000 == 999) (void)co_await crank::sleep_for(1ns);
      }
      bytes = (resident() - before) / count;
      for (auto* task : waiting) crank::detail::resume_later(*task);
      while (co_await group.next()) {}
    });
  }(waiting, bytes));
  return bytes;
}

// In a process of its own: memory that earlier rows have left in the pools would hide what this one takes.
double bytes_a_child_alone() {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  pid_t child = fork();
  if (child == 0) {
    double bytes = bytes_a_child();
    _exit(write(ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
  }
  double bytes = 0;
  if (read(ends[0], &bytes, sizeof bytes) != sizeof bytes) bytes = 0;
  close(ends[0]);
  close(ends[1]);
  waitpid(child, nullptr, 0);
  return bytes;
}

double child_bytes = 0;

}  // namespace

void measure_child_bytes() { child_bytes = bytes_a_child_alone(); }

void add_structure(std::vector<Row>& rows) {
  rows.push_back({"B15_bytes_a_child", "resident bytes of a suspended child task", [] { return child_bytes; }, 208, 256,
                  "bytes", true});
  rows.push_back({"B13_cancel_10k", "cancel a tree of 10^4 sleeping tasks, a task", [] { return cancel_tree(10'000); },
                  0, 0, "ns", true});
  rows.push_back({"B13_cancel_1M", "cancel a tree of 10^6 sleeping tasks, a task",
                  [] { return cancel_tree(1'000'000); }, 0, 0, "ns", true});
  rows.push_back({"B13_cancel_growth",
                  "a task of 10^6 over one of 10^4",
                  {},
                  1,
                  0,
                  "ratio",
                  true,
                  false,
                  "B13_cancel_1M",
                  "B13_cancel_10k"});
  for (int length : {100, 1000})
    rows.push_back({"B13_escalate_" + std::to_string(length), "escalate a chain of that many tasks, a task",
                    [=] { return escalate_chain(length); }, 0, 0, "ns", true});
  rows.push_back({"B13_escalate_growth",
                  "a task of 1,000 over one of 100",
                  {},
                  1,
                  0,
                  "ratio",
                  true,
                  false,
                  "B13_escalate_1000",
                  "B13_escalate_100"});
}

}  // namespace bench
