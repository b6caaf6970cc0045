// For tests: components written as text. Internal to the tests of this layer.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crank/component/program.h"
#include "crank/engine/module.h"

namespace crank::component {

inline Result<std::shared_ptr<const Program>> decode_text(std::string_view text, const DecodeLimits& limits = {}) {
  auto binary = engine::wat_to_wasm(text);
  if (!binary) return fail(std::move(binary).error());
  return decode(std::as_bytes(std::span(*binary)), limits);
}

/// The Program of a component that must be good; a failed test and an empty one otherwise.
inline std::shared_ptr<const Program> program_of(std::string_view text) {
  auto program = decode_text(text);
  if (program) return *program;
  ADD_FAILURE() << program.error().message();
  return std::make_shared<Program>();
}

/// The message with which a component is refused; empty if it is not.
inline std::string refusal(std::string_view text, const DecodeLimits& limits = {}) {
  auto program = decode_text(text, limits);
  return program ? std::string() : program.error().message();
}

}  // namespace crank::component
