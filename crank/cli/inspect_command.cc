// crank inspect: what a component asks for, gives, and who would satisfy it. Compiles and runs nothing.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "crank/cli/exit_code.h"
#include "crank/cli/load.h"
#include "crank/cli/parser.h"
#include "crank/component/inspect.h"
#include "crank/wasi/context.h"

namespace crank::cli {
namespace {

const char* kind_name(component::ExportItem::Kind kind) {
  using enum component::ExportItem::Kind;
  switch (kind) {
    case function: return "function";
    case instance: return "instance";
    case type: return "type";
    case resource: return "resource";
    case module: return "module";
    case component: return "component";
  }
  return "unknown";
}

nlohmann::ordered_json json_of(const std::vector<component::Inspection::Interface>& interfaces, bool imports) {
  auto all = nlohmann::ordered_json::array();
  for (auto& interface : interfaces) {
    nlohmann::ordered_json one;
    one["name"] = interface.name;
    one["members"] = nlohmann::ordered_json::array();
    for (auto& member : interface.members) {
      nlohmann::ordered_json item = {{"name", member.name}, {"kind", kind_name(member.kind)}};
      if (!member.type.empty()) item["type"] = member.type;
      one["members"].push_back(std::move(item));
    }
    if (imports) {
      one["filled_by"] = interface.filled_by;
      if (!interface.why_not.empty()) one["why_not"] = interface.why_not;
    }
    all.push_back(std::move(one));
  }
  return all;
}

nlohmann::ordered_json json_of(const component::Inspection& found) {
  nlohmann::ordered_json all;
  all["name"] = found.name;
  all["imports"] = json_of(found.imports, true);
  all["exports"] = json_of(found.exports, false);
  all["groups"] = nlohmann::ordered_json::array();
  for (auto& group : found.groups)
    all["groups"].push_back(
        {{"instances", group.instances}, {"may_block", group.may_block}, {"waits_in", group.waits_in}});
  all["instances"] = found.instances;
  all["core_modules"] = found.core_modules;
  all["core_module_bytes"] = found.core_module_bytes;
  if (!found.not_instantiable.empty()) all["not_instantiable"] = found.not_instantiable;
  return all;
}

Result<std::shared_ptr<const component::Program>> decode_file(const std::string& path) {
  CRANK_TRY(auto bytes, read_component(path));
  auto program = component::decode(bytes);
  if (!program) return fail(std::move(program.error()).wrap(program.error().code(), concat("reading ", path)));
  return *program;
}

class Inspect final : public Command {
 public:
  explicit Inspect(Parser& parser) {
    auto* command =
        add_command(parser, "inspect", "Print what a component imports and exports, and what would satisfy its imports",
                    "\nExamples:\n"
                    "  crank inspect service.wasm\n"
                    "  crank inspect middleware.wasm --plug service.wasm\n"
                    "  crank inspect middleware.wasm --json\n");
    command->add_option("component", component_, "The component (.wasm, or .wat text)")->required();
    command->add_option("--plug", plugs_, "A component whose exports may fill imports; repeatable")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_flag("--json", json_, "As JSON");
  }

  int run() override {
    auto done = inspect_it();
    return done ? exit_success : report(done.error());
  }

 private:
  Result<> inspect_it() {
    CRANK_TRY(auto program, decode_file(component_));
    std::vector<std::shared_ptr<const component::Program>> programs;
    std::vector<component::Provider> providers;
    for (auto& plug : plugs_) {
      CRANK_TRY(auto one, decode_file(plug));
      programs.push_back(one);
      providers.push_back({part_name(plug), one.get()});
    }
    component::Imports host;
    wasi::add_all(host, std::make_shared<wasi::Context>());
    auto found = component::inspect(*program, providers, [&](std::string_view interface, std::string_view name) {
      return name.empty() ? host.has_interface(interface) : static_cast<bool>(host.find(interface, name));
    });
    if (found.name.empty()) found.name = part_name(component_);
    const auto text = json_ ? json_of(found).dump(2) + "\n" : component::to_string(found);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  }

  std::string component_;
  std::vector<std::string> plugs_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> add_inspect(Parser& parser) { return std::make_unique<Inspect>(parser); }

}  // namespace crank::cli
