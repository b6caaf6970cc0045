#include "crank/guest/capture.h"

#include "crank/async/misuse.h"
#include "crank/async/turn.h"

namespace crank::guest {
namespace {

// What the thread was doing, put aside for a drain. A guest has nothing outside of its drains; in a module compiled into its
// host, the host's own turn and task must not show through.
#if defined(__wasm__)
struct ContextAside {};
#else
class ContextAside {
 public:
  ContextAside() noexcept : outer_(exchange_execution_context({})) {}
  ~ContextAside() { exchange_execution_context(outer_); }

 private:
  ExecutionContext outer_;
};
#endif

}  // namespace

Hooks Capture::hooks() noexcept {
  return {.context = this,
          .enqueue_global = [](void* self, Job& job) noexcept { static_cast<Capture*>(self)->jobs_.push(job, false); },
          .enqueue_delayed =
              [](void* self, Job& job, Instant when) noexcept {
                auto& capture = *static_cast<Capture*>(self);
                if (capture.expired_ == &job) return;
                if (capture.delayed_ && capture.delayed_ != &job) detail::misuse("two delayed jobs in one guest");
                capture.delayed_ = &job;
                capture.when_ = when;
              },
          .enqueue_main = [](void* self, Job& job) noexcept { static_cast<Capture*>(self)->jobs_.push(job, true); }};
}

std::uint32_t Capture::run(Runtime& runtime, std::uint32_t budget) noexcept {
  if (running_) detail::misuse("the pump was called from inside a job: it runs from the top of the stack only");
  [[maybe_unused]] ContextAside aside;
  running_ = true;
  std::uint32_t ran = 0;
  for (; ran < budget && !jobs_.empty(); ++ran) {
    bool for_main;
    Job& job = jobs_.pop(for_main);
    if (&job == expired_) expired_ = nullptr;
    run_job(job, for_main ? runtime.main() : ExecutorRef::generic(), runtime);
  }
  running_ = false;
  return ran;
}

void Capture::expire() noexcept {
  if (Job* job = delayed_) {
    delayed_ = nullptr;
    expired_ = job;
    jobs_.push(*job, false);
  }
}

}  // namespace crank::guest
