#include "crank/guest/component_http.h"

#include <vector>

namespace crank::guest::http {
namespace {

http_string_t glue(std::string_view text) noexcept {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())), text.size()};
}
wasi_http_types_field_value_t value_of(std::string_view text) noexcept {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())), text.size()};
}
using OwnString = Heap<http_string_t, http_string_free>;
using OwnHeaderError = Heap<wasi_http_types_header_error_t, wasi_http_types_header_error_free>;

// The generated getters of optional values write an unset value too.
template <class Value>
bool present(bool some, Value& value) noexcept {
  if (!some) value.forget();
  return some;
}

}  // namespace

Fields::Fields(std::initializer_list<Field> fields) : Resource(wasi_http_types_own_fields_t{0}) {
  std::vector<wasi_http_types_tuple2_field_name_field_value_t> entries;
  for (const Field& field : fields) entries.push_back({glue(field.name), value_of(field.value)});
  wasi_http_types_list_tuple2_field_name_field_value_t list{entries.data(), entries.size()};
  OwnHeaderError refused;
  if (!wasi_http_types_static_fields_from_list(&list, &handle_, refused.out()))
    handle_ = wasi_http_types_constructor_fields();
}

std::string Fields::get(std::string_view name) const {
  Heap<wasi_http_types_list_field_value_t, wasi_http_types_list_field_value_free> values;
  http_string_t key = glue(name);
  wasi_http_types_method_fields_get(wasi_http_types_borrow_fields(handle_), &key, values.out());
  std::string joined;
  for (std::size_t i = 0; i < values->len; ++i) {
    if (i) joined += ", ";
    joined.append(reinterpret_cast<const char*>(values->ptr[i].ptr), values->ptr[i].len);
  }
  return joined;
}

bool Fields::has(std::string_view name) const {
  http_string_t key = glue(name);
  return wasi_http_types_method_fields_has(wasi_http_types_borrow_fields(handle_), &key);
}

bool Fields::set(std::string_view name, std::string_view value) {
  http_string_t key = glue(name);
  wasi_http_types_field_value_t one = value_of(value);
  wasi_http_types_list_field_value_t values{&one, 1};
  OwnHeaderError refused;
  return wasi_http_types_method_fields_set(wasi_http_types_borrow_fields(handle_), &key, &values, refused.out());
}

bool Fields::append(std::string_view name, std::string_view value) {
  http_string_t key = glue(name);
  wasi_http_types_field_value_t one = value_of(value);
  OwnHeaderError refused;
  return wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(handle_), &key, &one, refused.out());
}

bool Fields::remove(std::string_view name) {
  http_string_t key = glue(name);
  OwnHeaderError refused;
  return wasi_http_types_method_fields_delete(wasi_http_types_borrow_fields(handle_), &key, refused.out());
}

Fields Fields::copy() const {
  return Fields(wasi_http_types_method_fields_clone(wasi_http_types_borrow_fields(handle_)));
}

std::pair<Request, OutcomeReader> Request::make_like(const Request& like, Fields fields, Body body) {
  auto from = wasi_http_types_borrow_request(like.handle_);
  wasi_http_types_own_request_options_t options;
  bool has_options = wasi_http_types_method_request_get_options(from, &options);
  std::uint32_t bytes = body.bytes.release();
  wasi_http_types_tuple2_own_request_future_result_void_error_code_t made;
  wasi_http_types_static_request_new(fields.release(), bytes ? &bytes : nullptr, body.trailers.release(),
                                     has_options ? &options : nullptr, &made);
  auto to = wasi_http_types_borrow_request(made.f0);
  Heap<wasi_http_types_method_t, wasi_http_types_method_free> method;
  wasi_http_types_method_request_get_method(from, method.out());
  wasi_http_types_method_request_set_method(to, method.out());
  if (OwnString path; present(wasi_http_types_method_request_get_path_with_query(from, path.out()), path))
    wasi_http_types_method_request_set_path_with_query(to, path.out());
  if (Heap<wasi_http_types_scheme_t, wasi_http_types_scheme_free> scheme;
      present(wasi_http_types_method_request_get_scheme(from, scheme.out()), scheme))
    wasi_http_types_method_request_set_scheme(to, scheme.out());
  if (OwnString authority; present(wasi_http_types_method_request_get_authority(from, authority.out()), authority))
    wasi_http_types_method_request_set_authority(to, authority.out());
  return {Request(made.f0), OutcomeReader(made.f1)};
}

bool Request::is_method(std::uint8_t tag) const {
  Heap<wasi_http_types_method_t, wasi_http_types_method_free> method;
  wasi_http_types_method_request_get_method(wasi_http_types_borrow_request(handle_), method.out());
  return method->tag == tag;
}

std::string Request::path_with_query() const {
  OwnString path;
  if (!present(wasi_http_types_method_request_get_path_with_query(wasi_http_types_borrow_request(handle_), path.out()),
               path))
    return "/";
  return std::string(reinterpret_cast<const char*>(path->ptr), path->len);
}

Fields Request::fields() const {
  return Fields(wasi_http_types_method_request_get_headers(wasi_http_types_borrow_request(handle_)));
}

Body Request::consume(OutcomeReader outcome) && {
  wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t ends;
  wasi_http_types_static_request_consume_body(release(), outcome.release(), &ends);
  return {ByteReader(ends.f0), TrailersReader(ends.f1)};
}

std::pair<Response, OutcomeReader> Response::passing_on(std::uint16_t status, Fields fields, Body body) {
  std::uint32_t bytes = body.bytes.release();
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(fields.release(), bytes ? &bytes : nullptr, body.trailers.release(), &made);
  if (status != 200) wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0), status);
  return {Response(made.f0), OutcomeReader(made.f1)};
}

std::pair<Response, Sending> Response::with_body(std::uint16_t status, Fields fields) {
  auto [reader, writer] = make_stream<ByteGlue>();
  auto [trailers_reader, trailers_writer] = make_future<TrailersGlue>();
  auto [response, outcome] = passing_on(status, std::move(fields), {std::move(reader), std::move(trailers_reader)});
  return {std::move(response), Sending{std::move(writer), std::move(trailers_writer), std::move(outcome)}};
}

Fields Response::fields() const { return Fields(wasi_http_types_method_response_get_headers(borrowed())); }

Body Response::consume(OutcomeReader outcome) && {
  wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t ends;
  wasi_http_types_static_response_consume_body(release(), outcome.release(), &ends);
  return {ByteReader(ends.f0), TrailersReader(ends.f1)};
}

void give(Answer& answer) {
  exports_wasi_http_handler_result_own_response_error_code_t result{};
  result.is_err = !answer.has_value();
  if (answer)
    result.val.ok = answer->release();
  else
    result.val.err = answer.error();
  exports_wasi_http_handler_handle_return(result);
}

Task<Answer> handle_by_next(Request request) {
  wasi_http_handler_result_own_response_error_code_t result{};
  Subtask call(wasi_http_handler_handle(request.release(), &result));
  if (!co_await call) co_return std::unexpected(error(WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR));
  if (result.is_err) co_return std::unexpected(result.val.err);
  co_return Response(result.val.ok);
}

Task<> finish(Sending sending, Trailers trailers) {
  sending.bytes.close();
  co_await std::move(sending.trailers).fulfil(trailers);
}

}  // namespace crank::guest::http
