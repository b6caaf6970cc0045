// wasi:cli/environment@0.3.0: what the context says, the same every time.
#include "crank/wasi/registration.h"

namespace crank::wasi {
namespace {

Result<Value> get_environment(Context& context, std::span<Value>) {
  std::vector<Value> all;
  for (auto& [name, value] : context.variables) all.push_back(tuple(Value::string(name), Value::string(value)));
  return Value::list(std::move(all));
}
Result<Value> get_arguments(Context& context, std::span<Value>) {
  std::vector<Value> all;
  for (auto& argument : context.arguments) all.push_back(Value::string(argument));
  return Value::list(std::move(all));
}
Result<Value> get_initial_cwd(Context& context, std::span<Value>) { return option(context.initial_directory); }

constexpr PlainEntry environment[] = {
    {"get-environment", get_environment}, {"get-arguments", get_arguments}, {"get-initial-cwd", get_initial_cwd}};

}  // namespace

void add_cli_environment(Imports& imports, std::shared_ptr<Context> context) {
  add_functions(imports.interface("wasi:cli/environment@0.3.0"), context, environment);
}

}  // namespace crank::wasi
