// The one state of a module: what would be a global variable, but for each instance, also when several instances of a module
// live in one native program.
//
//     struct State { int counter = 0; };
//     int n = ++guest::module_state<State>().counter;      // inside a pump turn
#pragma once

#include "crank/guest/bridge.h"

namespace crank::guest {

/// The instance's T, made at the first call, gone with the instance. One type a module.
template <class T>
T& module_state() {
  Bridges& instance = Bridges::current();
  if (!instance.state()) instance.set_state(new T(), [](void* state) noexcept { delete static_cast<T*>(state); });
  return *static_cast<T*>(instance.state());
}

}  // namespace crank::guest
