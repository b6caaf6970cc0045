// wasi:http/types@0.3.0: the resources and their functions.
#include "crank/wasi/http_tables.h"

namespace crank::wasi {

void add_http_types(Imports& imports, std::shared_ptr<Context> context) {
  auto& types = imports.interface("wasi:http/types@0.3.0");
  // `headers` and `trailers` are other names of fields.
  for (const char* name : {"fields", "headers", "trailers", "request", "request-options", "response"})
    types.resource(name);
  add_functions(types, context, fields_functions());
  add_functions(types, context, request_functions());
  add_functions(types, context, request_options_functions());
  add_functions(types, context, response_functions());
}

}  // namespace crank::wasi
