// The exports of docs/reactor-abi.md. Linked into a module because its entries need `the_pump`.
#if defined(__wasm__)

#include <new>

#include "crank/guest/entry.h"

namespace crank::guest {
namespace {

// Built when first asked for, never destroyed: the module has no end of its own. Entries may be called before or after the
// module's own static objects are made.
alignas(Pump) constinit std::byte pump_memory[sizeof(Pump)];
constinit Pump* pump = nullptr;

[[gnu::noinline]] Pump& make_pump() noexcept {
  pump = new (pump_memory) Pump(Imports{});
  pump->bridges().make_current();
  return *pump;
}

}  // namespace

Pump& the_pump() noexcept { return pump ? *pump : make_pump(); }

}  // namespace crank::guest

using namespace crank::guest;

#define CRANK_EXPORT(name) extern "C" [[clang::export_name(name)]]

CRANK_EXPORT("crank_version") std::uint32_t crank_export_version() { return contract_version; }
CRANK_EXPORT("crank_alloc") std::byte* crank_export_alloc(std::uint32_t size) {
  return static_cast<std::byte*>(std::malloc(size));
}
CRANK_EXPORT("crank_free") void crank_export_free(std::byte* block, std::uint32_t) { std::free(block); }
CRANK_EXPORT("crank_pump") std::uint64_t crank_export_pump(std::uint32_t budget) {
  Pumped done = the_pump().pump(budget);
  return std::uint64_t{done.ready} << 32 | done.ran;
}
CRANK_EXPORT("crank_deadline") std::int64_t crank_export_deadline() { return the_pump().deadline(); }
CRANK_EXPORT("crank_resume")
std::uint32_t crank_export_resume(std::uint32_t token, std::uint32_t status, std::byte* data, std::uint32_t length) {
  Status known = status <= static_cast<std::uint32_t>(Status::protocol) ? static_cast<Status>(status) : Status::failed;
  return static_cast<std::uint32_t>(the_pump().resume(token, known, data, length));
}
CRANK_EXPORT("crank_cancel") std::uint32_t crank_export_cancel(std::uint32_t task) {
  return the_pump().cancel(task) ? 0 : 1;
}
CRANK_EXPORT("crank_probe") std::uint32_t crank_export_probe(std::byte* data, std::uint32_t length) {
  return the_pump().start(probe, data, length);
}

#endif
