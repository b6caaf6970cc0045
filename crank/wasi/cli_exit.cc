// wasi:cli/exit@0.3.0: ends the calling root. To the engine that is a trap; the code in the context says it was none.
#include "crank/wasi/registration.h"

namespace crank::wasi {
namespace {

Result<Value> leave(Context& context, int code) {
  context.exit_code.store(code, std::memory_order_release);
  return fail(Code::cancelled, concat("the guest called wasi:cli/exit with code ", code));
}
Result<Value> exit(Context& context, std::span<Value> v) { return leave(context, v[0].case_index() == 0 ? 0 : 1); }
Result<Value> exit_with_code(Context& context, std::span<Value> v) {
  return leave(context, static_cast<int>(v[0].as_u32()));
}

constexpr PlainEntry exits[] = {{"exit", exit}, {"exit-with-code", exit_with_code}};

}  // namespace

void add_cli_exit(Imports& imports, std::shared_ptr<Context> context) {
  add_functions(imports.interface("wasi:cli/exit@0.3.0"), context, exits);
}

}  // namespace crank::wasi
