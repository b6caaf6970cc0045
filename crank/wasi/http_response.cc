// wasi:http/types response.
#include "crank/wasi/http_message.h"
#include "crank/wasi/http_tables.h"

namespace crank::wasi {

using namespace component;

namespace {

Result<Value> create(Context&, std::span<Value> v) {
  auto response = make_ref<Response>();
  response->headers = take_object<Fields>(v[0]);
  response->headers->immutable = true;
  GuestBody body;
  if (v[1].case_index()) {
    CRANK_TRY(body.contents, StreamReader::take(std::move(v[1].payload())));
  }
  CRANK_TRY(body.trailers, FutureReader::take(std::move(v[2])));
  auto transmission = make_future(Value::Kind::variant);
  body.transmission = std::move(transmission.writer);
  response->body = Body(std::move(body));
  return tuple(Value::handle(std::move(response)), std::move(transmission.reader).into_value());
}

Result<Value> get_status(Context&, std::span<Value> v) { return Value::u16(object<Response>(v[0]).status); }
Result<Value> set_status(Context&, std::span<Value> v) {
  const auto status = v[1].as_u32();
  if (status < 100 || status > 999) return Value::error();
  object<Response>(v[0]).status = static_cast<std::uint16_t>(status);
  return Value::ok();
}
Result<Value> get_headers(Context&, std::span<Value> v) { return Value::handle(object<Response>(v[0]).headers); }

Result<Value> consume_body(Context& context, std::span<Value> v) {
  auto response = take_object<Response>(v[0]);
  CRANK_TRY(auto result, FutureReader::take(std::move(v[1])));
  return consume(context, std::move(response->body), std::move(result));
}

constexpr PlainEntry functions[] = {{"[static]response.new", create},
                                    {"[method]response.get-status-code", get_status},
                                    {"[method]response.set-status-code", set_status},
                                    {"[method]response.get-headers", get_headers},
                                    {"[static]response.consume-body", consume_body}};

}  // namespace

std::span<const PlainEntry> response_functions() { return functions; }

}  // namespace crank::wasi
