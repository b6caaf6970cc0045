#include "crank/async/manual_executor.h"

#include "crank/async/misuse.h"
#include "crank/async/turn.h"

#if !defined(__wasm__)
#include <cstdio>

#include "crank/async/backtrace.h"
#endif

namespace crank {

ManualExecutor::ManualExecutor(std::optional<std::uint64_t> seed) noexcept
    : runtime_(
          {.context = this,
           .enqueue_global =
               [](void* context, Job& job) noexcept {
                 static_cast<ManualExecutor*>(context)->jobs_.push_back({&job, false});
               },
           .enqueue_delayed =
               [](void* context, Job& job, Instant when) noexcept {
                 auto& self = *static_cast<ManualExecutor*>(context);
                 self.timer_job_ = &job;
                 self.timer_at_ = when;
               },
           .enqueue_main =
               [](void* context, Job& job) noexcept {
                 static_cast<ManualExecutor*>(context)->jobs_.push_back({&job, true});
               }},
          [](void* clock) noexcept { return static_cast<ManualExecutor*>(clock)->now_; }, this),
      seed_(seed),
      state_(seed.value_or(0)) {
  runtime_.flatten_priorities();
  runtime_.set_turned_by_one_thread();
  runtime_.set_continuous_clock([](void* clock) noexcept {
    auto& self = *static_cast<ManualExecutor*>(clock);
    return self.now_ + self.slept_;
  });
}

// splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t ManualExecutor::draw() noexcept {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

bool ManualExecutor::step() noexcept {
  if (head_ == jobs_.size()) return false;
  if (seed_) std::swap(jobs_[head_], jobs_[head_ + draw() % (jobs_.size() - head_)]);
  Ready next = jobs_[head_++];
  if (head_ == jobs_.size()) {
    jobs_.clear();
    head_ = 0;
  } else if (head_ >= 1024 && head_ * 2 > jobs_.size()) {
    jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  // A job may turn the crank again only from the top of the stack; from inside it would run others' code in its turn.
  run_job(*next.job, next.main ? runtime_.main() : ExecutorRef::generic(), runtime_);
  return true;
}

std::size_t ManualExecutor::run(std::size_t budget) noexcept {
  std::size_t count = 0;
  while (count < budget && step()) ++count;
  return count;
}

std::optional<Instant> ManualExecutor::next_timer() const noexcept {
  if (!timer_job_) return std::nullopt;
  return timer_at_;
}

bool ManualExecutor::turn_to_next_timer() noexcept {
  if (!timer_job_) return false;
  if (timer_at_ > now_) now_ = timer_at_;
  Job* job = timer_job_;
  timer_job_ = nullptr;
  timer_at_ = Instant::max();
  run_job(*job, ExecutorRef::generic(), runtime_);
  return true;
}

void ManualExecutor::idle_before_the_end_of(const TaskRecord& task) noexcept {
#if !defined(__wasm__)
  std::fprintf(stderr, "crank: the manual executor is idle and task %llu \"%s\" has not ended; it waits at\n%s",
               static_cast<unsigned long long>(task.id()), task.name(), to_string(async_backtrace(task)).c_str());
#else
  (void)task;
#endif
  detail::misuse("nothing will resume it");
}

void ManualExecutor::advance(Duration by) noexcept {
  Instant end = now_ + by;
  run();
  while (timer_job_ && timer_at_ <= end) {
    turn_to_next_timer();
    run();
  }
  now_ = end;
}

Duration ManualExecutor::run_to_end() noexcept {
  Instant start = now_;
  do run();
  while (turn_to_next_timer());
  return now_ - start;
}

}  // namespace crank
