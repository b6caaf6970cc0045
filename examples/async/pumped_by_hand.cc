// A runtime of thirty lines: the three hooks capture, and the embedder turns the crank when it likes. This is all that a guest
// without threads, or a game loop, needs to run tasks.
#include <cstdio>

#include "crank/async/global_actor.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"

using namespace std::chrono_literals;

struct Pump {
  static Pump& of(void* context) { return *static_cast<Pump*>(context); }
  int turn(int budget) {
    for (int ran = 0;; ++ran) {
      crank::Job* on_main = ran < budget ? main_jobs.pop() : nullptr;
      crank::Job* job = on_main || ran == budget ? on_main : jobs.pop();
      if (!job) return ran;
      crank::run_job(*job, on_main ? runtime.main() : crank::ExecutorRef::generic(), runtime);
    }
  }
  void pass(crank::Duration time) {
    now += time;
    if (timer && due <= now) jobs.push(*std::exchange(timer, nullptr));
  }
  crank::JobList jobs, main_jobs;
  crank::Job* timer = nullptr;
  crank::Instant due, now;
  crank::Runtime runtime{{.context = this,
                          .enqueue_global = [](void* c, crank::Job& job) noexcept { of(c).jobs.push(job); },
                          .enqueue_delayed = [](void* c, crank::Job& job,
                                                crank::Instant when) noexcept { of(c).timer = &job, of(c).due = when; },
                          .enqueue_main = [](void* c, crank::Job& job) noexcept { of(c).main_jobs.push(job); }},
                         [](void* c) noexcept { return of(c).now; },
                         this};
};

crank::Task<> show(int number, crank::On<crank::MainActor> = {}) {
  crank::MainActor::assert_isolated();  // a job that came by the main hook
  std::printf("%d\n", number);
  co_return;
}

crank::Task<> countdown(int from) {
  for (int i = from; i > 0; --i) {
    co_await show(i);
    (void)co_await crank::sleep_for(1s);
  }
  std::printf("lift-off\n");
}

int main() {
  Pump pump;
  auto task = crank::spawn(countdown(3), {.runtime = &pump.runtime});
  std::printf("nothing has run yet\n");
  while (!task.is_done()) {
    while (pump.turn(8) > 0) {}
    pump.pass(1s);
  }
}
