// Types in WIT notation with names for what has been given one. Internal; program.h has the plain forms.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "crank/component/program.h"

namespace crank::component::detail {

/// Names of records, variants, enums and flags by identity. The first name given stays.
using TypeNames = std::unordered_map<TypeRef, std::string_view>;

/// A type with a name is written as its name, wherever it is a part; `whole` writes out the outermost one all the same.
std::string print(TypeRef type, const Program& program, const TypeNames& names, bool whole = false);
std::string print(const FuncType& type, const Program& program, const TypeNames& names);

}  // namespace crank::component::detail
