#include "crank/async/global_actor.h"

#include "crank/async/misuse.h"
#include "crank/async/runtime.h"

namespace crank::detail {

ExecutorRef new_global_actor() {
  // Never destroyed: tasks may still name it while the process ends.
  return (new DefaultActor)->ref();
}

void assert_on(ExecutorRef executor, std::source_location here) noexcept {
  if (!current_executor().same_context(executor))
    misuse("this code must run on its actor's executor, and does not", here.function_name(), here.file_name(),
           here.line());
}

ExecutorRef main_of_current_runtime() noexcept {
  Runtime* runtime = current_runtime();
  if (!runtime) misuse("the main actor was asked for outside of any runtime");
  return runtime->main();
}

CRANK_COLD ExecutorRef start_of(const Isolation& isolation, Runtime& runtime) noexcept {
  return isolation.target == &main_mark ? runtime.main() : *isolation.target;
}

}  // namespace crank::detail
