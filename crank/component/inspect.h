// What a person wants to know about a component before running it: what it imports and exports, in WIT notation, who
// could fill each import, and how its instances will share executors. The data behind `crank inspect`.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crank/component/program.h"

namespace crank::component {

/// Somebody who might fill imports: another component, by the name a person knows it by.
struct Provider {
  std::string name;
  const Program* program = nullptr;
};

struct Inspection {
  struct Member {
    std::string name;
    ExportItem::Kind kind{};
    std::string type;  ///< WIT notation; empty for resources
  };
  /// An imported or exported instance, or, with an empty name, what stands at top level.
  struct Interface {
    std::string name;
    std::vector<Member> members;         ///< of nested instances too, as "inner#member"
    std::vector<std::string> filled_by;  ///< imports: the providers that fit, best first
    std::string why_not;  ///< imports nobody fills: why the likeliest provider does not fit; may be empty
  };
  struct Group {
    std::vector<std::string> instances;
    bool may_block = false;
    std::vector<std::string> waits_in;  ///< the built-ins that make it so, as the specification spells them
    std::size_t modules = 0, lifts = 0, lowers = 0;
  };
  std::string name;
  std::vector<Interface> imports, exports;
  std::vector<Group> groups;
  std::size_t instances = 0, core_modules = 0, core_module_bytes = 0;
  std::string not_instantiable;
};

/// `host` says whether the host itself has a function or resource of an interface; it may be empty.
Inspection inspect(const Program& program, std::span<const Provider> providers = {},
                   const std::function<bool(std::string_view interface, std::string_view name)>& host = {});

/// As lines of text, indented by two spaces.
std::string to_string(const Inspection& inspection);

}  // namespace crank::component
