// Test support: a day of an SDK on a runtime that is turned job by job, with a task of it cancelled between any two jobs.
//
//     for (unsigned k = 0; delivery::live<Sdk>(k, Victim::delivery, make, track); ++k) { ... look at what arrived ... }
//
// Between two jobs every task stands at one of its suspension points, so counting up k cancels at each in turn, until the
// work is over before the k-th job.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "crank/async/actor.h"
#include "crank/async/runtime.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"
#include "crank/base/result.h"

namespace delivery {

class Stepped {
 public:
  crank::Runtime& runtime() noexcept { return runtime_; }
  /// Runs one job; when none is ready, the clock moves to the next timer. False: nothing will ever be ready.
  bool step() {
    crank::Job* job = jobs_.pop();
    if (!job && (job = std::exchange(timer_, nullptr))) now_ = std::max(now_, due_);
    if (job) crank::run_job(*job, crank::ExecutorRef::generic(), runtime_);
    return job != nullptr;
  }
  template <class T>
  crank::TaskHandle<T> spawn(crank::Task<T> body) {
    return crank::spawn(std::move(body), {.runtime = &runtime_});
  }
  template <class T>
  T finish(crank::TaskHandle<T> handle) {
    while (!handle.is_done()) {
      if (!step()) ADD_FAILURE() << "nothing will resume it", std::abort();
    }
    return handle.result_now().template take<crank::Exceptions::none>();
  }
  bool idle() { return jobs_.empty() && runtime_.timers().size() == 0; }

 private:
  static Stepped& of(void* context) { return *static_cast<Stepped*>(context); }
  crank::JobList jobs_;
  crank::Job* timer_ = nullptr;
  crank::Instant due_{}, now_{};
  crank::Runtime runtime_{
      {.context = this,
       .enqueue_global = [](void* c, crank::Job& job) noexcept { of(c).jobs_.push(job); },
       .enqueue_delayed = [](void* c, crank::Job& job,
                             crank::Instant when) noexcept { of(c).timer_ = &job, of(c).due_ = when; },
       .enqueue_main = [](void* c, crank::Job& job) noexcept { of(c).jobs_.push(job); }},
      [](void* c) noexcept { return of(c).now_; },
      this};
};

enum class Victim { delivery, flush };

/// Tracks seven events, goes offline and online, flushes, and sees to it that all is delivered in the end. `make()` makes
/// the SDK, `track(sdk, n)` tracks one event. False: it was over before the k-th job.
template <class Sdk, class Make, class Track>
bool live(unsigned k, Victim victim, Make make, Track track) {
  using namespace std::chrono_literals;
  Stepped turned;
  crank::ActorRef<Sdk> sdk = turned.finish(turned.spawn(make()));
  auto use = turned.spawn([](crank::ActorRef<Sdk> sdk, Track track) -> crank::Task<> {
    for (int n = 0; n < 7; ++n) {
      co_await track(sdk, n);
      if (n == 2) co_await sdk.call(&Sdk::set_online, false);
      if (n == 4) co_await sdk.call(&Sdk::set_online, true);
      (void)co_await crank::sleep_for(4ms);
    }
  }(sdk, track));
  auto late_flush = [](crank::ActorRef<Sdk> sdk) -> crank::Task<crank::Result<>> {
    (void)co_await crank::sleep_for(9ms);
    co_return co_await sdk.call(&Sdk::flush);
  };
  auto flush = turned.spawn(late_flush(sdk));
  auto delivery = turned.spawn(sdk.call(&Sdk::run));
  auto turn = [&] {
    if (delivery.is_done()) delivery = turned.spawn(sdk.call(&Sdk::run));  // it was cancelled: the next life of it
    if (!turned.step()) ADD_FAILURE() << "cut at " << k << ", nothing goes on", std::abort();
  };
  bool cut = false;
  for (unsigned steps = 0; !use.is_done() || !flush.is_done(); ++steps) {
    if (steps == k) {
      (victim == Victim::delivery ? delivery.task() : flush.task()).cancel();
      cut = true;
    }
    turn();
  }
  auto flushed = flush.result_now().template take<crank::Exceptions::none>();
  EXPECT_TRUE(flushed || (cut && victim == Victim::flush && flushed.error().code() == crank::Code::cancelled)) << k;
  EXPECT_EQ(turned.finish(turned.spawn(sdk.call(&Sdk::statistics))).flushing, 0u) << "cut at " << k;
  auto last = turned.spawn(late_flush(sdk));
  while (!last.is_done()) turn();
  delivery.cancel();
  turned.finish(std::move(delivery));
  EXPECT_TRUE(turned.idle()) << "cut at " << k << ", a job or a timer is left";
  return cut;
}

}  // namespace delivery
