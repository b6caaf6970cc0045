// wasi:cli/terminal-*@0.3.0: guests are told that no standard stream is a terminal.
#include "crank/wasi/registration.h"

namespace crank::wasi {
namespace {

Result<Value> none(Context&, std::span<Value>) { return Value::none_option(); }

constexpr PlainEntry for_stdin[] = {{"get-terminal-stdin", none}};
constexpr PlainEntry for_stdout[] = {{"get-terminal-stdout", none}};
constexpr PlainEntry for_stderr[] = {{"get-terminal-stderr", none}};

}  // namespace

void add_cli_terminals(Imports& imports, std::shared_ptr<Context> context) {
  imports.interface("wasi:cli/terminal-input@0.3.0").resource("terminal-input");
  imports.interface("wasi:cli/terminal-output@0.3.0").resource("terminal-output");
  add_functions(imports.interface("wasi:cli/terminal-stdin@0.3.0"), context, for_stdin);
  add_functions(imports.interface("wasi:cli/terminal-stdout@0.3.0"), context, for_stdout);
  add_functions(imports.interface("wasi:cli/terminal-stderr@0.3.0"), context, for_stderr);
}

}  // namespace crank::wasi
