#include "crank/wasi/http_options.h"

#include "crank/wasi/http_tables.h"

namespace crank::wasi {
namespace {

enum OptionsError : std::uint32_t { not_supported, immutable };
using Member = std::optional<std::uint64_t> RequestOptions::*;

Result<Value> constructor(Context&, std::span<Value>) { return Value::handle(component::make_ref<RequestOptions>()); }
template <Member member>
Result<Value> get(Context&, std::span<Value> v) {
  const auto& duration = object<RequestOptions>(v[0]).*member;
  return duration ? Value::some(Value::u64(*duration)) : Value::none_option();
}
template <Member member>
Result<Value> set(Context&, std::span<Value> v) {
  auto& options = object<RequestOptions>(v[0]);
  if (options.immutable) return Value::error(Value::variant(immutable));
  options.*member = v[1].case_index() ? std::optional(v[1].payload().as_u64()) : std::nullopt;
  return Value::ok();
}
Result<Value> clone(Context&, std::span<Value> v) {
  return Value::handle(component::make_ref<RequestOptions>(object<RequestOptions>(v[0])));
}

constexpr PlainEntry functions[] = {
    {"[constructor]request-options", constructor},
    {"[method]request-options.get-connect-timeout", get<&RequestOptions::connect>},
    {"[method]request-options.set-connect-timeout", set<&RequestOptions::connect>},
    {"[method]request-options.get-first-byte-timeout", get<&RequestOptions::first_byte>},
    {"[method]request-options.set-first-byte-timeout", set<&RequestOptions::first_byte>},
    {"[method]request-options.get-between-bytes-timeout", get<&RequestOptions::between_bytes>},
    {"[method]request-options.set-between-bytes-timeout", set<&RequestOptions::between_bytes>},
    {"[method]request-options.clone", clone}};

}  // namespace

std::span<const PlainEntry> request_options_functions() { return functions; }

}  // namespace crank::wasi
