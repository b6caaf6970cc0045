#include "crank/async/asymmetric_fence.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace crank::detail {

bool asymmetric_available = false;

void prepare_asymmetric_fences() noexcept {
  static const bool registered = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  asymmetric_available = registered;
}

void refuse_asymmetric_fences(bool refuse) noexcept {
  if (refuse)
    asymmetric_available = false;
  else
    prepare_asymmetric_fences();
}

void wait_a_little() noexcept { sched_yield(); }

void heavy_fence() noexcept { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

}  // namespace crank::detail
