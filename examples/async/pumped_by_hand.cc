// A runtime of thirty lines: the three hooks capture, and the embedder turns the crank when it likes. This is all that a guest
// without threads, or a game loop, needs to run tasks.
#include <cstdio>

#include "crank/async/sleep.h"
#include "crank/async/spawn.h"

using namespace std::chrono_literals;

class Pump {
 public:
  crank::Runtime& runtime() { return runtime_; }
  int turn(int budget) {
    for (int ran = 0;; ++ran) {
      crank::Job* on_main = ran < budget ? main_jobs_.pop() : nullptr;
      crank::Job* job = on_main || ran == budget ? on_main : jobs_.pop();
      if (!job) return ran;
      crank::run_job(*job, on_main ? runtime_.main() : crank::ExecutorRef::generic(), runtime_);
    }
  }
  void pass(crank::Duration time) {
    now_ += time;
    if (timer_ && due_ <= now_) jobs_.push(*std::exchange(timer_, nullptr));
  }

 private:
  static Pump& of(void* context) { return *static_cast<Pump*>(context); }
  crank::JobList jobs_, main_jobs_;
  crank::Job* timer_ = nullptr;
  crank::Instant due_, now_;
  crank::Runtime runtime_{
      {.context = this,
       .enqueue_global = [](void* c, crank::Job& job) noexcept { of(c).jobs_.push(job); },
       .enqueue_delayed = [](void* c, crank::Job& job,
                             crank::Instant when) noexcept { of(c).timer_ = &job, of(c).due_ = when; },
       .enqueue_main = [](void* c, crank::Job& job) noexcept { of(c).main_jobs_.push(job); }},
      [](void* c) noexcept { return of(c).now_; },
      this};
};

crank::Task<> countdown(int from) {
  for (int i = from; i > 0; --i) {
    std::printf("%d\n", i);
    (void)co_await crank::sleep_for(1s);
  }
  std::printf("lift-off\n");
}

int main() {
  Pump pump;
  auto task = crank::spawn(countdown(3), {.runtime = &pump.runtime()});
  std::printf("nothing has run yet\n");
  while (!task.is_done()) {
    while (pump.turn(8) > 0) {}
    pump.pass(1s);
  }
}
