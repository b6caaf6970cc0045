// Values as the specification's test files write them: {"type": "u32", "value": "42"}, lists, records as [[name, value]…],
// results as {"Ok": …}. Reading needs the component's own type for labels and cases.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "crank/component/types.h"
#include "crank/component/value.h"

namespace crank::spec {

Result<component::Value> read_value(const nlohmann::json& text, component::TypeRef type);

}  // namespace crank::spec
