// The names by which a host drives this guest code when it is compiled natively (a module carried inside its host): one type
// to hand to a driver that is written for any twin, e.g. reactor::NativeGuest<guest::Twin>.
#pragma once

#include "crank/guest/entry.h"
#include "crank/guest/pump.h"

namespace crank::guest {

struct Twin {
  using Pump = guest::Pump;
  using Imports = guest::Imports;
  using ImportTable = guest::ImportTable;
  using EntryFunction = guest::EntryFunction;
  using Status = guest::Status;
  using HttpFlags = guest::HttpFlags;
  using LogLevel = guest::LogLevel;

  static EntryFunction find(std::string_view module, std::string_view name) noexcept {
    return NativeEntry::find(module, name);
  }
  static EntryFunction probe() noexcept { return &guest::probe; }
};

}  // namespace crank::guest
