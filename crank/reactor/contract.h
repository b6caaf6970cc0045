// The numbers and words of the reactor contract (docs/reactor-abi.md), as the host speaks them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crank/base/result.h"

namespace crank::reactor {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

inline Bytes to_bytes(std::string_view text) {
  auto* data = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(data, data + text.size());
}
inline std::string_view as_text(View bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// How an entry or a bridge ended. For all but ok the payload is a sentence.
enum class Status : std::uint32_t { ok, failed, cancelled, deadline, refused, limit, io, protocol };
Status status_of(Code code) noexcept;
/// The error for a status other than ok; numbers outside of the list count as failed.
Error error_of(std::uint32_t status, std::string_view sentence);

/// What came of a resume. The first four are the guest's answers, by number.
enum class Resumed : std::uint32_t {
  accepted,
  unknown,  ///< nobody waits under that token, nor ever has
  stale,    ///< its wait is over: forgotten, cancelled
  twice,    ///< it has its answer already
};

enum class LogLevel : std::uint32_t { error, warning, information, debug };

/// The version this host implements; another major is refused.
inline constexpr std::uint32_t contract_version = 1u << 16;
inline constexpr std::uint32_t unlimited = 0xffffffff;

/// What one pump call did.
struct Pumped {
  std::uint32_t ran = 0;
  std::uint32_t ready = 0;
};

/// The names a module uses for the roles of the contract. Forms (what a role takes and returns) are read off the module's
/// own types, so that a module with another prefix, or with init, pump, pending, done and resolve(token, integer) of its
/// own, is driven by filling in this table.
struct NameMap {
  std::string version = "crank_version";   ///< empty: the module has none, and is taken as this host's
  std::string initialize = "_initialize";  ///< called once if exported
  std::string pump = "crank_pump";
  std::string pending;  ///< () -> i32, jobs ready: for a pump that does not say
  std::string done;     ///< () -> i32, nonzero when the started work is over: for modules without `complete`
  std::string result;   ///< () -> i32 or i64, with `done`: its bytes are the answer
  std::string deadline = "crank_deadline";
  std::string resume = "crank_resume";
  std::string cancel = "crank_cancel";
  std::string alloc = "crank_alloc";
  std::string free = "crank_free";
  std::string probe = "crank_probe";
  std::string describe = "crank_describe";
  std::string import_module = "crank";
  /// Imports of the module's own that are calls of a bridge: ("env", "async_request") -> "async_request". Their form is
  /// (token) or (token, integer); the integer's little-endian bytes are the argument, and the answer's the value resumed with.
  struct Call {
    std::string module, name, bridge;
  };
  std::vector<Call> calls;

  /// The roles of the contract under another prefix: "acme_pump", "acme_resume" and so on. `initialize` and the imports keep theirs.
  static NameMap with_prefix(std::string_view prefix);
};

}  // namespace crank::reactor
