#include "crank/async/actor.h"

#include <utility>

#include "crank/async/global_actor.h"
#include "crank/async/runtime.h"

namespace crank {
namespace {
Runtime& runtime_here(std::source_location here) noexcept {
  Runtime* runtime = current_runtime();
  if (!runtime)
    detail::misuse("an actor was made outside of any runtime: pass it one", here.function_name(), here.file_name(),
                   here.line());
  return *runtime;
}
}  // namespace

Actor::Actor(std::source_location here) noexcept : Actor(runtime_here(here)) {}
Actor::Actor(Runtime& runtime) noexcept : own_(runtime), executor_(own_.ref()) {}
Actor::Actor(ExecutorRef executor, Runtime& runtime) noexcept : own_(runtime), executor_(executor) {}

void Actor::last_reference_dropped(void (*destroy)(Actor& actor) noexcept) noexcept {
  if (!own_.held()) return destroy(*this);
  burial_.actor = this;
  burial_.destroy = destroy;
  burial_.priority = Priority::background;
  burial_.run = [](Job* job) noexcept {
    auto [actor, destroy] = std::pair(static_cast<Burial*>(job)->actor, static_cast<Burial*>(job)->destroy);
    // The hold ends with the actor: its drain must not touch it again.
    detail::thread_state().turn->executor = ExecutorRef::generic();
    destroy(*actor);
  };
  own_.enqueue(burial_);
}

void Actor::assert_isolated(std::source_location here) const noexcept { detail::assert_on(executor_, here); }

}  // namespace crank
