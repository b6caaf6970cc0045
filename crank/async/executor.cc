#include "crank/async/executor.h"

namespace crank {

bool ExecutorRef::same_context(ExecutorRef other) const noexcept {
  if (identity_ == other.identity_) return true;
  if (kind() != ExecutorKind::complex_equality || implementation_ != other.implementation_) return false;
  return operations()->same_exclusive_context(identity_, other.identity_);
}

ExecutorRef SerialExecutor::ref() noexcept {
  return ExecutorRef::for_ordinary(this, detail::operations_of<SerialExecutor>);
}

}  // namespace crank
