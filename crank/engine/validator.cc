#include "crank/engine/validator.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "crank/engine/engine_native.h"

namespace crank::engine {

namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::array<std::uint8_t, 8> preamble = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
constexpr std::uint8_t module_section = 1, component_section = 4, no_section = 63;
constexpr unsigned deepest = 64;  // components inside each other

std::optional<std::uint32_t> take_leb(Octets& rest) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35 && !rest.empty(); shift += 7) {
    const std::uint8_t byte = rest[0];
    rest = rest.subspan(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) != 0) continue;
    if (value > 0xffff'ffff) return std::nullopt;
    return static_cast<std::uint32_t>(value);
  }
  return std::nullopt;
}

void put_leb(std::vector<std::uint8_t>& out, std::size_t value) {
  for (; value > 0x7f; value >>= 7) out.push_back(static_cast<std::uint8_t>((value & 0x7f) | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

bool collect(Octets component, unsigned depth, std::vector<Octets>& out) {
  if (depth > deepest || component.size() < preamble.size() ||
      !std::ranges::equal(component.first(preamble.size()), preamble))
    return false;
  for (Octets rest = component.subspan(preamble.size()); !rest.empty();) {
    const std::uint8_t id = rest[0];
    rest = rest.subspan(1);
    std::optional<std::uint32_t> size = take_leb(rest);
    if (!size || *size > rest.size()) return false;
    Octets body = rest.first(*size);
    rest = rest.subspan(*size);
    if (id == module_section) out.push_back(body);
    if (id == component_section && !collect(body, depth + 1, out)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::vector<Octets>> core_modules_of(Octets component) {
  std::vector<Octets> out;
  if (!collect(component, 0, out)) return std::nullopt;
  return out;
}

ComponentValidator::ComponentValidator() {
  wasm_config_t* config = wasm_config_new();
  wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_NONE);
#ifdef CRANK_ENGINE_SANITIZED
  wasmtime_config_parallel_compilation_set(config, false);
#endif
  wasmtime_config_shared_memory_set(config, true);
  wasmtime_config_wasm_custom_page_sizes_set(config, true);
  wasmtime_config_wasm_component_model_set(config, true);
  wasmtime_config_wasm_component_model_async_set(config, true);
  wasmtime_config_wasm_component_model_more_async_builtins_set(config, true);
  wasmtime_config_wasm_component_model_async_stackful_set(config, true);
  wasmtime_config_wasm_component_model_map_set(config, true);
  wasmtime_config_wasm_component_model_implements_set(config, true);
  wasmtime_config_wasm_component_model_canonical_names_set(config, true);
  wasmtime_config_wasm_component_model_accessors_set(config, true);
  engine_.reset(wasm_engine_new_with_config(config));
}

bool ComponentValidator::module_is_valid(Octets module) {
  wasmtime_error_t* error = wasmtime_module_validate(engine_.get(), module.data(), module.size());
  if (error == nullptr) return true;
  wasmtime_error_delete(error);
  return false;
}

bool ComponentValidator::framed_is_valid(Octets component) {
  std::vector<std::uint8_t> frame(preamble.begin(), preamble.end());
  frame.reserve(component.size() + 32);
  frame.push_back(component_section);
  put_leb(frame, component.size());
  frame.insert(frame.end(), component.begin(), component.end());
  frame.push_back(no_section);
  frame.push_back(0);
  char complaint[64];
  std::snprintf(complaint, sizeof complaint, "malformed section id: %u (at offset 0x%zx)", no_section, frame.size());
  wasmtime_component_t* raw = nullptr;
  wasmtime_error_t* error = wasmtime_component_new(engine_.get(), frame.data(), frame.size(), &raw);
  if (error != nullptr) return message_of(error).find(complaint) != std::string::npos;
  wasmtime_component_delete(raw);
  return false;
}

Result<> ComponentValidator::check(Octets component) {
  std::optional<std::vector<Octets>> modules = core_modules_of(component);
  if (modules && std::ranges::all_of(*modules, [&](Octets m) { return module_is_valid(m); }) &&
      framed_is_valid(component))
    return {};
  // Refused: the words and offsets are to be about what the person has.
  return check_whole(component);
}

Result<> ComponentValidator::check_whole(Octets component) {
  wasmtime_component_t* raw = nullptr;
  if (wasmtime_error_t* error = wasmtime_component_new(engine_.get(), component.data(), component.size(), &raw))
    return fail(Code::bad_binary, concat("validating a component: ", message_of(error)));
  wasmtime_component_delete(raw);
  return {};
}

}  // namespace crank::engine
