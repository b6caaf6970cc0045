#include "crank/wasi/context.h"

namespace crank::wasi {

void add_all(component::Imports& imports, std::shared_ptr<Context> context) {
  add_clocks(imports, context);
  add_random(imports, context);
  add_cli_environment(imports, context);
  add_cli_exit(imports, context);
  add_cli_streams(imports, context);
  add_cli_terminals(imports, context);
  add_http_types(imports, context);
  add_http_handlers(imports, std::move(context));
}

}  // namespace crank::wasi
