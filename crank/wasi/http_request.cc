// wasi:http/types request.
#include <algorithm>
#include <array>

#include "crank/wasi/http_message.h"
#include "crank/wasi/http_syntax.h"
#include "crank/wasi/http_tables.h"

namespace crank::wasi {

using namespace component;

namespace {

constexpr std::array<std::string_view, 9> methods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                     "CONNECT", "OPTIONS", "TRACE", "PATCH"};
constexpr std::uint32_t other_method = methods.size();

Result<Value> create(Context&, std::span<Value> v) {
  auto request = make_ref<Request>();
  request->headers = take_object<Fields>(v[0]);
  request->headers->immutable = true;
  GuestBody body;
  if (v[1].case_index()) {
    CRANK_TRY(body.contents, StreamReader::take(std::move(v[1].payload())));
  }
  CRANK_TRY(body.trailers, FutureReader::take(std::move(v[2])));
  if (v[3].case_index()) {
    request->options = take_object<RequestOptions>(v[3].payload());
    request->options->immutable = true;
  }
  auto transmission = make_future(Value::Kind::variant);
  body.transmission = std::move(transmission.writer);
  request->body = Body(std::move(body));
  return tuple(Value::handle(std::move(request)), std::move(transmission.reader).into_value());
}

Result<Value> get_method(Context&, std::span<Value> v) {
  const auto& method = object<Request>(v[0]).method;
  const auto known = std::ranges::find(methods, method);
  if (known != methods.end()) return Value::variant(static_cast<std::uint32_t>(known - methods.begin()));
  return Value::variant(other_method, Value::string(method));
}
Result<Value> set_method(Context&, std::span<Value> v) {
  const auto index = v[1].case_index();
  std::string method = index < other_method ? std::string(methods[index]) : v[1].payload().take_string();
  if (!io::is_token(method)) return Value::error();
  object<Request>(v[0]).method = std::move(method);
  return Value::ok();
}

Result<Value> get_path(Context&, std::span<Value> v) { return option(object<Request>(v[0]).path_with_query); }
Result<Value> set_path(Context&, std::span<Value> v) {
  std::optional<std::string> path;
  if (v[1].case_index()) path = v[1].payload().take_string();
  if (path && !is_path_with_query(*path)) return Value::error();
  object<Request>(v[0]).path_with_query = std::move(path);
  return Value::ok();
}

Result<Value> get_scheme(Context&, std::span<Value> v) {
  const auto& scheme = object<Request>(v[0]).scheme;
  if (!scheme) return Value::none_option();
  return Value::some(scheme->kind == Scheme::other ? Value::variant(scheme->kind, Value::string(scheme->name))
                                                   : Value::variant(scheme->kind));
}
Result<Value> set_scheme(Context&, std::span<Value> v) {
  std::optional<Scheme> scheme;
  if (v[1].case_index()) {
    Value& given = v[1].payload();
    scheme.emplace();
    scheme->kind = static_cast<Scheme::Kind>(given.case_index());
    if (scheme->kind == Scheme::other) {
      scheme->name = given.payload().take_string();
      if (!is_scheme(scheme->name)) return Value::error();
      if (io::same_name(scheme->name, "http"))
        scheme = Scheme{Scheme::http, {}};
      else if (io::same_name(scheme->name, "https"))
        scheme = Scheme{Scheme::https, {}};
    }
  }
  object<Request>(v[0]).scheme = std::move(scheme);
  return Value::ok();
}

Result<Value> get_authority(Context&, std::span<Value> v) { return option(object<Request>(v[0]).authority); }
Result<Value> set_authority(Context&, std::span<Value> v) {
  std::optional<std::string> authority;
  if (v[1].case_index()) authority = v[1].payload().take_string();
  if (authority && !is_authority(*authority)) return Value::error();
  object<Request>(v[0]).authority = std::move(authority);
  return Value::ok();
}

Result<Value> get_options(Context&, std::span<Value> v) {
  const auto& options = object<Request>(v[0]).options;
  return options ? Value::some(Value::handle(options)) : Value::none_option();
}
Result<Value> get_headers(Context&, std::span<Value> v) { return Value::handle(object<Request>(v[0]).headers); }

Result<Value> consume_body(Context& context, std::span<Value> v) {
  auto request = take_object<Request>(v[0]);
  CRANK_TRY(auto result, FutureReader::take(std::move(v[1])));
  return consume(context, std::move(request->body), std::move(result));
}

constexpr PlainEntry functions[] = {{"[static]request.new", create},
                                    {"[method]request.get-method", get_method},
                                    {"[method]request.set-method", set_method},
                                    {"[method]request.get-path-with-query", get_path},
                                    {"[method]request.set-path-with-query", set_path},
                                    {"[method]request.get-scheme", get_scheme},
                                    {"[method]request.set-scheme", set_scheme},
                                    {"[method]request.get-authority", get_authority},
                                    {"[method]request.set-authority", set_authority},
                                    {"[method]request.get-options", get_options},
                                    {"[method]request.get-headers", get_headers},
                                    {"[static]request.consume-body", consume_body}};

}  // namespace

std::span<const PlainEntry> request_functions() { return functions; }

}  // namespace crank::wasi
