#include "crank/async/actor.h"

#include "crank/async/runtime.h"

namespace crank {
namespace {
Runtime& runtime_here() noexcept {
  Runtime* runtime = current_runtime();
  if (!runtime) detail::misuse("an actor was made outside of any runtime: pass it one");
  return *runtime;
}
}  // namespace

Actor::Actor() noexcept : Actor(runtime_here()) {}
Actor::Actor(Runtime& runtime) noexcept : own_(runtime), executor_(own_.ref()) {}
Actor::Actor(ExecutorRef executor, Runtime& runtime) noexcept : own_(runtime), executor_(executor) {}

void Actor::assert_isolated(std::source_location here) const noexcept {
  if (!current_executor().same_context(executor_))
    detail::misuse("this code must run on its actor's executor, and does not", here.function_name(), here.file_name(),
                   here.line());
}

}  // namespace crank
