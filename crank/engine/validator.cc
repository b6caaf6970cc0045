#include "crank/engine/validator.h"

#include "crank/engine/engine_native.h"
#include "crank/engine/skeleton.h"

namespace crank::engine {

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

Result<> ComponentValidator::check(std::span<const std::uint8_t> component) {
  auto modules_are_valid = [this](const Skeleton& skeleton) {
    for (std::span<const std::uint8_t> module : skeleton.modules) {
      if (wasmtime_error_t* error = wasmtime_module_validate(engine_.get(), module.data(), module.size())) {
        wasmtime_error_delete(error);
        return false;
      }
    }
    return true;
  };
  std::optional<Skeleton> skeleton = skeleton_of(component);
  if (skeleton && modules_are_valid(*skeleton) && check_whole(skeleton->bytes)) return {};
  // Refused: the words and offsets are to be about what the person has.
  return check_whole(component);
}

Result<> ComponentValidator::check_whole(std::span<const std::uint8_t> component) {
  wasmtime_component_t* raw = nullptr;
  if (wasmtime_error_t* error = wasmtime_component_new(engine_.get(), component.data(), component.size(), &raw))
    return fail(Code::bad_binary, concat("validating a component: ", message_of(error)));
  wasmtime_component_delete(raw);
  return {};
}

}  // namespace crank::engine
