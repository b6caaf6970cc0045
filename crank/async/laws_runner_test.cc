// Makes the tests of each LAW (laws.h), and the executor they share (laws_runner.h).
#include "crank/async/laws_runner.h"

#include <functional>
#include <string>

#include "crank/async/laws.h"
#include "crank/async/manual_executor.h"
#include "crank/async/sync_wait.h"

namespace crank::laws {

TurnedByThreads::TurnedByThreads(unsigned threads)
    : threads_(threads),
      runtime_(
          {.context = this,
           .enqueue_global =
               [](void* self, Job& job) noexcept {
                 static_cast<TurnedByThreads*>(self)->push(static_cast<TurnedByThreads*>(self)->jobs_, job);
               },
           .enqueue_delayed =
               [](void* context, Job& job, Instant when) noexcept {
                 auto& self = *static_cast<TurnedByThreads*>(context);
                 std::lock_guard lock(self.mutex_);
                 self.timer_ = &job;
                 self.timer_at_ = when;
                 self.changed_.notify_one();
               },
           .enqueue_main =
               [](void* self, Job& job) noexcept {
                 static_cast<TurnedByThreads*>(self)->push(static_cast<TurnedByThreads*>(self)->main_jobs_, job);
               }},
          [](void* self) noexcept {
            return Instant(Duration(static_cast<TurnedByThreads*>(self)->now_.load(std::memory_order_relaxed)));
          },
          this) {
  runtime_.flatten_priorities();
}

void TurnedByThreads::push(JobList& list, Job& job) noexcept {
  std::lock_guard lock(mutex_);
  list.push(job);
  changed_.notify_one();
}

void TurnedByThreads::turn(const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  while (true) {
    bool on_main = !main_busy_ && !main_jobs_.empty();
    Job* job = on_main ? main_jobs_.pop() : jobs_.pop();
    if (!job && running_ == 0) {
      if (done() || stuck_) break;
      if (!timer_) {
        stuck_ = true;
        break;
      }
      now_.store(std::max(now_.load(), timer_at_.time_since_epoch().count()), std::memory_order_relaxed);
      job = std::exchange(timer_, nullptr);
    }
    if (!job) {
      changed_.wait(lock);
      continue;
    }
    ++running_;
    main_busy_ = main_busy_ || on_main;
    lock.unlock();
    run_job(*job, on_main ? runtime_.main() : ExecutorRef::generic(), runtime_);
    lock.lock();
    --running_;
    if (on_main) main_busy_ = false;
    if (running_ == 0 || on_main) changed_.notify_all();
  }
  changed_.notify_all();
}

void TurnedByThreads::run(Task<> body) {
  TaskHandle<> handle = spawn(std::move(body), {.name = "law", .runtime = &runtime_});
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < threads_; ++i) threads.emplace_back([&] { turn([&] { return handle.is_done(); }); });
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(stuck_) << "every thread is idle and the law has not ended: nothing will resume it";
  handle.result_now().take<default_exceptions>();
}

namespace {

// A law may leave a task that was told to run on; what it leaves behind in timers is a fault.
void on_manual(Task<> (*body)()) {
  ManualExecutor manual;
  manual.run(body());
  manual.run();
  EXPECT_EQ(manual.runtime().timers().size(), 0u) << "a timer was left behind";
}
void with_seeds(Task<> (*body)()) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    ManualExecutor manual(seed);
    manual.run(body());
    manual.run();
    EXPECT_EQ(manual.runtime().timers().size(), 0u) << "a timer was left behind, seed " << seed;
  }
}
void on_threads(Task<> (*body)()) {
  for (int round = 0; round < 10; ++round) {
    TurnedByThreads threads(3);
    threads.run(body());
    EXPECT_EQ(threads.timers(), 0u) << "a timer was left behind";
    if (testing::Test::HasFailure()) return;
  }
}
void on_pool(Task<> (*body)()) {
  Pool pool({.threads = 4});
  for (int round = 0; round < 20; ++round) sync_wait(pool, body());
}

struct Runner : testing::Test {
  Runner(void (*how)(Task<> (*)()), Task<> (*what)()) : place(how), body(what) {}
  void TestBody() override { place(body); }
  void (*place)(Task<> (*)());
  Task<> (*body)();
};

}  // namespace

Law::Law(const char* its_suite, const char* its_name, const char* its_file, int its_line, bool takes_time,
         Task<> (*runs)())
    : suite(its_suite), name(its_name), body(runs) {
  struct Place {
    const char* name;
    void (*run)(Task<> (*)());
  };
  for (Place place :
       {Place{"manual", on_manual}, Place{"seeds", with_seeds}, Place{"threads", on_threads}, Place{"pool", on_pool}}) {
    if (takes_time && place.run == on_pool) continue;
    testing::RegisterTest(suite, (std::string(name) + "/" + place.name).c_str(), nullptr, nullptr, its_file, its_line,
                          [=, this]() -> testing::Test* { return new Runner(place.run, body); });
  }
}

}  // namespace crank::laws
