#include "crank/wasi/http_fields.h"

#include <algorithm>
#include <array>
#include <optional>

#include "crank/wasi/http_tables.h"
#include "crank/wasi/registration.h"

namespace crank::wasi {
namespace {

enum HeaderError : std::uint32_t { invalid_syntax, forbidden, immutable, size_exceeded };

Value refused(HeaderError error) { return Value::error(Value::variant(error)); }

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Value bytes_of(std::string_view text) { return Value::bytes(std::as_bytes(std::span(text))); }

std::optional<HeaderError> check_name(std::string_view name) {
  if (!io::is_token(name)) return invalid_syntax;
  if (is_forbidden_field(name)) return forbidden;
  return std::nullopt;
}
std::optional<HeaderError> check_add(const io::Headers& headers, std::string_view name, std::string_view value) {
  if (!io::is_field_value(value)) return invalid_syntax;
  if (headers.bytes() + name.size() + value.size() > max_fields_bytes) return size_exceeded;
  return std::nullopt;
}

Result<Value> constructor(Context&, std::span<Value>) { return Value::handle(component::make_ref<Fields>()); }

Result<Value> from_list(Context&, std::span<Value> v) {
  auto fields = component::make_ref<Fields>();
  for (auto& entry : v[0].elements()) {
    const std::string& name = entry.elements()[0].as_string();
    const auto value = text_of(entry.elements()[1].packed_bytes());
    if (auto error = check_name(name)) return refused(*error);
    if (auto error = check_add(fields->headers, name, value)) return refused(*error);
    fields->headers.add(name, value);
  }
  return Value::ok(Value::handle(std::move(fields)));
}

Value values_of(const io::Headers& headers, std::string_view name) {
  std::vector<Value> all;
  for (std::size_t i = 0; i < headers.size(); ++i)
    if (auto header = headers[i]; io::same_name(header.name, name)) all.push_back(bytes_of(header.value));
  return Value::list(std::move(all));
}

Result<Value> get(Context&, std::span<Value> v) { return values_of(object<Fields>(v[0]).headers, v[1].as_string()); }
Result<Value> has(Context&, std::span<Value> v) {
  return Value::boolean(object<Fields>(v[0]).headers.has(v[1].as_string()));
}

Result<Value> set(Context&, std::span<Value> v) {
  auto& fields = object<Fields>(v[0]);
  if (fields.immutable) return refused(immutable);
  const std::string& name = v[1].as_string();
  if (auto error = check_name(name)) return refused(*error);
  std::size_t total = fields.headers.bytes();
  for (std::size_t i = 0; i < fields.headers.size(); ++i)
    if (auto header = fields.headers[i]; io::same_name(header.name, name))
      total -= header.name.size() + header.value.size();
  for (auto& value : v[2].elements()) {
    const auto text = text_of(value.packed_bytes());
    if (!io::is_field_value(text)) return refused(invalid_syntax);
    total += name.size() + text.size();
  }
  if (total > max_fields_bytes) return refused(size_exceeded);
  fields.headers.remove(name);
  for (auto& value : v[2].elements()) fields.headers.add(name, text_of(value.packed_bytes()));
  return Value::ok();
}

Result<Value> remove(Context&, std::span<Value> v) {
  auto& fields = object<Fields>(v[0]);
  if (fields.immutable) return refused(immutable);
  if (auto error = check_name(v[1].as_string())) return refused(*error);
  fields.headers.remove(v[1].as_string());
  return Value::ok();
}

Result<Value> get_and_delete(Context&, std::span<Value> v) {
  auto& fields = object<Fields>(v[0]);
  if (fields.immutable) return refused(immutable);
  if (auto error = check_name(v[1].as_string())) return refused(*error);
  auto values = values_of(fields.headers, v[1].as_string());
  fields.headers.remove(v[1].as_string());
  return Value::ok(std::move(values));
}

Result<Value> append(Context&, std::span<Value> v) {
  auto& fields = object<Fields>(v[0]);
  if (fields.immutable) return refused(immutable);
  const std::string& name = v[1].as_string();
  const auto value = text_of(v[2].packed_bytes());
  if (auto error = check_name(name)) return refused(*error);
  if (auto error = check_add(fields.headers, name, value)) return refused(*error);
  fields.headers.add(name, value);
  return Value::ok();
}

Result<Value> copy_all(Context&, std::span<Value> v) {
  const auto& headers = object<Fields>(v[0]).headers;
  std::vector<Value> all;
  all.reserve(headers.size());
  for (std::size_t i = 0; i < headers.size(); ++i)
    all.push_back(tuple(Value::string(std::string(headers[i].name)), bytes_of(headers[i].value)));
  return Value::list(std::move(all));
}

Result<Value> clone(Context&, std::span<Value> v) {
  return Value::handle(component::make_ref<Fields>(object<Fields>(v[0]).headers));
}

constexpr PlainEntry functions[] = {{"[constructor]fields", constructor},
                                    {"[static]fields.from-list", from_list},
                                    {"[method]fields.get", get},
                                    {"[method]fields.has", has},
                                    {"[method]fields.set", set},
                                    {"[method]fields.delete", remove},
                                    {"[method]fields.get-and-delete", get_and_delete},
                                    {"[method]fields.append", append},
                                    {"[method]fields.copy-all", copy_all},
                                    {"[method]fields.clone", clone}};

}  // namespace

bool is_forbidden_field(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 9> names = {"connection",
                                                            "host",
                                                            "http2-settings",
                                                            "keep-alive",
                                                            "proxy-authenticate",
                                                            "proxy-authorization",
                                                            "proxy-connection",
                                                            "transfer-encoding",
                                                            "upgrade"};
  return std::ranges::any_of(names, [&](auto forbidden_name) { return io::same_name(forbidden_name, name); });
}

std::span<const PlainEntry> fields_functions() { return functions; }

}  // namespace crank::wasi
