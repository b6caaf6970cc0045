// WAVE: values as text, the notation of `crank run --invoke`.
//
//   "hi"   'x'   -3   2.5   true   [1, 2]   (1, "a")   {name: "x", size: 3}   some(1)   ok   red   {read, write}
//
// Writing needs the type for names, reading for everything. A value that is neither option nor result itself may be
// written where an option or result of it is asked for; record fields of option type may be left out; a name that could
// be mistaken for a keyword is written with % before it. Maps are lists of pairs. Handles have no text: they are written
// as <own>, <stream> … and cannot be read. Source: the WebAssembly Value Encoding, WAVE.
#pragma once

#include <string>
#include <string_view>

#include "crank/base/result.h"
#include "crank/component/types.h"
#include "crank/component/value.h"

namespace crank::component {

/// The text of a value of that type; a value that does not fit it is written by its own kind.
std::string to_wave(const Value& value, TypeRef type);

/// Reads one value of `type` and takes it off the front of `text`, with the space before it. Errors are
/// Code::bad_argument and name the byte position; `text` is then where it stopped.
Result<Value> parse_wave(std::string_view& text, TypeRef type);

/// Reads the arguments of `(…)` for a function: `("hi", 3)`. Takes them off the front of `text`.
Result<std::vector<Value>> parse_wave_arguments(std::string_view& text, const FuncType& type);

}  // namespace crank::component
