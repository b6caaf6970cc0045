// Internal: the imports of a module as host functions. Every pointer and length is checked against the memory before it is
// looked at; a bad one ends the guest's call with Code::protocol. Of wasi_snapshot_preview1 only what a libc needs to start
// does something: fd_write to 1 and 2 is the log, the clock and random bytes work, proc_exit ends the guest, and everything
// else answers 52 (ENOSYS).
#pragma once

#include <deque>
#include <vector>

#include "crank/engine/module.h"
#include "crank/engine/store.h"
#include "crank/reactor/guest.h"

namespace crank::reactor {

class ModuleImports {
 public:
  ModuleImports(GuestHost& host, const NameMap& names) : host_(host), names_(names) {}

  /// Whether every import is known and of its type.
  Result<> check(const engine::Module& module) const;
  /// The externs in the order of module.imports(), which `check` accepted.
  Result<std::vector<engine::Extern>> link(engine::Store& store, const engine::Module& module);
  void set_memory(engine::Memory memory) noexcept { memory_ = memory; }

  GuestHost& host() noexcept { return host_; }
  /// The bytes [pointer, pointer + length) of the guest, or nothing after a `raise` of the reason in `trap`.
  bool bytes(engine::Caller* caller, std::uint32_t pointer, std::uint32_t length, std::string_view what, View& out,
             engine::Trap& trap);
  engine::Memory memory() const noexcept { return memory_; }

  struct MappedCall {
    ModuleImports* imports;
    std::string bridge;
    unsigned integer_bytes;  // 0, 4 or 8
  };

 private:
  const NameMap::Call* mapped(const engine::ImportType& import) const noexcept;

  GuestHost& host_;
  const NameMap& names_;
  engine::Memory memory_;
  std::deque<MappedCall> calls_;
};

}  // namespace crank::reactor
