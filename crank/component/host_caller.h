// Internal: a call from the host: the caller's half of a Call whose caller is a task. Lives in that task's frame.
#pragma once

#include <vector>

#include "crank/async/task.h"
#include "crank/component/root.h"

namespace crank::component::detail {

struct Call;
struct LiftState;

class HostCaller {
 public:
  /// `counted`: the call is among the live tasks of the lift's root already.
  HostCaller(LiftState& lift, bool counted, std::vector<Value> arguments, CallOptions options);
  ~HostCaller();
  HostCaller(const HostCaller&) = delete;
  HostCaller& operator=(const HostCaller&) = delete;
  Task<Result<Value>> run();

 private:
  struct Shared;
  Shared* shared_;
};

}  // namespace crank::component::detail
