// Files to components, arguments to values: what serve, run and inspect share.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/blueprint.h"
#include "crank/component/composition.h"
#include "crank/engine/engine.h"

namespace crank::cli {

/// The bytes of a component; text (.wat) is translated. Says what to do about files that are missing, unreadable or huge.
Result<std::vector<std::byte>> read_component(const std::string& path);
/// "dir/service.wasm" is the part "service".
std::string part_name(std::string_view path);

struct Part {
  std::string name;
  std::shared_ptr<const component::Blueprint> blueprint;
};
/// Reads and compiles the main component and its plugs, in this order; two of one name get a number.
Result<std::vector<Part>> load_parts(engine::Engine& engine, const std::string& main,
                                     const std::vector<std::string>& plugs);
struct LinkOptions {
  component::ReusePolicy reuse;
  /// The longest a guest may compute without a pause; then it is trapped. None: for ever.
  std::optional<std::chrono::nanoseconds> longest_turn;
  /// The most each linear memory may grow to.
  std::optional<std::uint64_t> memory_bytes;
  /// A root of a part ended by a trap, a deadline or a deadlock.
  std::function<void(const Error&)> on_trap;
  Runtime* runtime = nullptr;
};
Result<std::shared_ptr<component::Composition>> link(const std::vector<Part>& parts, component::Imports imports,
                                                     const LinkOptions& how);

/// "K=V"
Result<std::vector<std::pair<std::string, std::string>>> parse_environment(const std::vector<std::string>& settings);
/// "500ms", "30s", "2m", "1h"; a bare number is seconds.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace crank::cli
