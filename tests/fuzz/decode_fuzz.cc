// Decoding any bytes gives a Program or an error, in bounded time and memory (DESIGN, C11). What it gives is then looked
// at as the rest of the host would: printed, searched, and matched against itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "crank/component/program.h"

namespace {

using namespace crank::component;

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at(const std::vector<Export>& items, const Program& program, int depth) {
  for (auto& [name, item] : items) {
    if (item.function_type) (void)to_string(*item.function_type, program);
    if (item.value_type) (void)to_string(item.value_type, program);
    if (item.kind == ExportItem::function) {
      require(item.function_source.index <
              (item.function_source.kind == FuncSource::lifted ? program.lifts.size() : program.imports.size()));
    }
    if (item.kind == ExportItem::resource) require(index(item.resource_id) < program.resources.size());
    if (depth < 64) look_at(item.exports, program, depth + 1);
  }
}

void core(const CoreDef& def, const Program& program, std::uint32_t core_instances) {
  require(def.index < (def.is_trampoline ? program.trampolines.size() : core_instances));
}

void check(const Program& program) {
  std::uint32_t core_instances = 0;
  for (auto& step : program.steps) {
    auto* instantiate = std::get_if<InstantiateModule>(&step);
    if (!instantiate) {
      auto& resource = program.resources.at(index(std::get<DefineResource>(step).resource));
      require(index(resource.instance.value()) < program.instances.size());
      if (resource.destructor) core(*resource.destructor, program, core_instances);
      continue;
    }
    require(index(instantiate->instance) < program.instances.size());
    require(index(instantiate->module) < program.modules.size());
    for (auto& argument : instantiate->arguments) {
      if (argument.instance) require(index(*argument.instance) < core_instances);
      for (auto& definition : argument.definitions) core(definition.second, program, core_instances);
    }
    ++core_instances;
  }
  for (auto& lift : program.lifts) {
    core(lift.core, program, core_instances);
    require(index(lift.options) < program.options.size());
  }
  for (auto& options : program.options) {
    for (auto* def : {&options.memory, &options.realloc, &options.post_return, &options.callback}) {
      if (*def) core(**def, program, core_instances);
    }
  }
  for (auto& trampoline : program.trampolines) {
    (void)name_of(trampoline.op);
    require(program.instances.at(index(trampoline.instance)).group.has_value());
    if (trampoline.op != Builtin::lower) continue;
    require(index(trampoline.options) < program.options.size());
    require(trampoline.callee.index <
            (trampoline.callee.kind == FuncSource::lifted ? program.lifts.size() : program.imports.size()));
  }
  look_at(program.exports, program, 0);
  look_at(program.import_items, program, 0);
  (void)find_export(program, "a:b/c@1.0.0#d");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  DecodeLimits limits;
  limits.max_items = 20'000;
  limits.max_instances = 200;
  auto program = decode(std::as_bytes(std::span(data, size)), limits);
  if (program) check(**program);
  return 0;
}
