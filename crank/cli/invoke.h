// The notation of `run --invoke`: a function and its arguments in WAVE, e.g. foo("hi", {x: 1}).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/types.h"
#include "crank/component/value.h"

namespace crank::cli {

struct Invocation {
  std::string function;        ///< "foo", "ns:pkg/iface@1.0.0#foo"
  std::string_view arguments;  ///< what stands between the outer parentheses
};

/// Splits; a name alone is a call without arguments.
Result<Invocation> parse_invocation(std::string_view text);
/// Arguments of the function's types; errors name the parameter and what was expected.
Result<std::vector<component::Value>> parse_arguments(std::string_view text, const component::FuncType& type);

}  // namespace crank::cli
