#include "crank/async/executor.h"

namespace crank {

CRANK_COLD bool ExecutorRef::same_complex(ExecutorRef other) const noexcept {
  return implementation_ == other.implementation_ && operations()->same_exclusive_context(identity_, other.identity_);
}

ExecutorRef SerialExecutor::ref() noexcept {
  return ExecutorRef::for_ordinary(this, detail::operations_of<SerialExecutor>);
}

}  // namespace crank
