// Internal: how a guest that called a component which then died is answered without trapping itself (DESIGN, C9).
#pragma once

#include <optional>

#include "crank/base/result.h"
#include "crank/component/types.h"
#include "crank/component/value.h"

namespace crank::component::detail {

/// A value of the function's result type that says "internal error", where the type has one: a result whose error is a
/// variant with a case `internal-error` of option<string>, of string or of nothing (wasi:http: error-code).
std::optional<Value> failure_value(const FuncType& type, const Error& error);

}  // namespace crank::component::detail
