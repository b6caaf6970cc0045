// Internal: what a Program's lifts, trampolines and options become inside one root: resolved once, read on every call.
#pragma once

#include <memory>

#include "crank/component/abi.h"
#include "crank/component/host.h"
#include "crank/component/program.h"
#include "crank/engine/store.h"

namespace crank::component {
struct LiftStatistics;
}

namespace crank::component::detail {

struct InstanceState;
class RootState;
class Slot;

struct ResolvedOptions {
  const Options* spec = nullptr;
  bool resolved = false;  ///< its core definitions exist; before that, using it is a trap
  engine::Memory memory;
  engine::Func realloc, post_return, callback;
  std::byte* base = nullptr;    ///< memory never moves
  std::size_t known_bytes = 0;  ///< of it, that there surely are: memory never shrinks
  StringEncoding encoding = StringEncoding::utf8;
  bool async_ = false;
};

/// A lifted function of a live root.
struct LiftState {
  InstanceState* instance = nullptr;
  const Lift* spec = nullptr;
  const FuncType* type = nullptr;
  ResolvedOptions* options = nullptr;
  LiftStatistics* statistics = nullptr;
  engine::Func core;
  CoreSignature signature;
  bool resolved = false;
  bool async_ = false, callback = false;  ///< of the options
  bool needs_exclusive = false;           ///< async-typed, and a sync or callback lift
  bool scalar_params = false;             ///< at most 16 flat numbers of full width: core values pass unchanged
  bool scalar_result = false;             ///< none, or one such number
  bool unseen_task = false;  ///< nothing can see a task of it once its core code has returned: lower_numbers
  std::uint8_t slots = 1;
};

/// What fills an import of this root.
struct Target {
  enum Kind : std::uint8_t { none, lifted, host_plain, host_async, edge } kind = none;
  LiftState* lift = nullptr;       ///< lifted
  HostFunction plain;              ///< host_plain
  AsyncHostFunction async;         ///< host_async
  const Import* import = nullptr;  ///< host_*, edge
  Slot* slot = nullptr;            ///< edge: who provides it
  LiftId edge_lift{};              ///< edge: which of its lifts
};

/// Environment of any trampoline.
struct Env {
  InstanceState* instance = nullptr;
  const Trampoline* spec = nullptr;
  ResolvedOptions* options = nullptr;  ///< may be null
};

struct LowerState : Env {
  const FuncType* type = nullptr;
  const Target* target = nullptr;
  CoreSignature signature;
  bool async_ = false;
  bool scalar_params = false;  ///< at most 4 (async) or 16 flat numbers of full width
  bool scalar_result = false;
  std::uint8_t arguments = 0;  ///< core parameters without the out pointer
  /// The error case a dead callee is answered with, where the result type has one that fits: see failure_value().
  bool can_fail = false;
};

/// Numbers of full core width pass through a call as the bits they are.
constexpr bool is_wide_number(TypeRef type) {
  switch (type->kind) {
    case TypeKind::s32:
    case TypeKind::u32:
    case TypeKind::s64:
    case TypeKind::u64:
    case TypeKind::f32:
    case TypeKind::f64: return true;
    default: return false;
  }
}
inline bool scalar_params(const FuncType& type, std::size_t limit) {
  if (type.params.size() > limit) return false;
  for (const Field& param : type.params)
    if (!is_wide_number(param.type)) return false;
  return true;
}
inline bool scalar_result(const FuncType& type) { return type.result == nullptr || is_wide_number(type.result); }

}  // namespace crank::component::detail
