#include "crank/wasi/http_error.h"

#include <array>

namespace crank::wasi {

using component::Value;

namespace {

constexpr std::array names = {"DNS-timeout",
                              "DNS-error",
                              "destination-not-found",
                              "destination-unavailable",
                              "destination-IP-prohibited",
                              "destination-IP-unroutable",
                              "connection-refused",
                              "connection-terminated",
                              "connection-timeout",
                              "connection-read-timeout",
                              "connection-write-timeout",
                              "connection-limit-reached",
                              "TLS-protocol-error",
                              "TLS-certificate-error",
                              "TLS-alert-received",
                              "HTTP-request-denied",
                              "HTTP-request-length-required",
                              "HTTP-request-body-size",
                              "HTTP-request-method-invalid",
                              "HTTP-request-URI-invalid",
                              "HTTP-request-URI-too-long",
                              "HTTP-request-header-section-size",
                              "HTTP-request-header-size",
                              "HTTP-request-trailer-section-size",
                              "HTTP-request-trailer-size",
                              "HTTP-response-incomplete",
                              "HTTP-response-header-section-size",
                              "HTTP-response-header-size",
                              "HTTP-response-body-size",
                              "HTTP-response-trailer-section-size",
                              "HTTP-response-trailer-size",
                              "HTTP-response-transfer-coding",
                              "HTTP-response-content-coding",
                              "HTTP-response-timeout",
                              "HTTP-upgrade-failed",
                              "HTTP-protocol-error",
                              "loop-detected",
                              "configuration-error",
                              "internal-error"};
static_assert(names.size() == static_cast<std::size_t>(HttpError::internal_error) + 1);

Value record(Value first, Value second) {
  std::vector<Value> fields;
  fields.push_back(std::move(first));
  fields.push_back(std::move(second));
  return Value::list(std::move(fields));
}
Value with(HttpError error, Value payload) {
  return Value::variant(static_cast<std::uint32_t>(error), std::move(payload));
}

}  // namespace

Value error_code(HttpError error) {
  switch (error) {
    case HttpError::dns_error:
    case HttpError::tls_alert_received:
    case HttpError::http_request_trailer_size:
    case HttpError::http_response_header_size:
    case HttpError::http_response_trailer_size: return with(error, record(Value::none_option(), Value::none_option()));
    case HttpError::http_request_body_size:
    case HttpError::http_request_header_section_size:
    case HttpError::http_request_header_size:
    case HttpError::http_request_trailer_section_size:
    case HttpError::http_response_header_section_size:
    case HttpError::http_response_body_size:
    case HttpError::http_response_trailer_section_size:
    case HttpError::http_response_transfer_coding:
    case HttpError::http_response_content_coding:
    case HttpError::internal_error: return with(error, Value::none_option());
    default: return Value::variant(static_cast<std::uint32_t>(error));
  }
}

Value body_size_error(HttpError error, std::uint64_t size) { return with(error, Value::some(Value::u64(size))); }
Value internal_error(std::string what) {
  return with(HttpError::internal_error, Value::some(Value::string(std::move(what))));
}

Value error_code(io::ClientFailure failure, const Error& why) {
  using enum io::ClientFailure;
  switch (failure) {
    case denied: return error_code(HttpError::http_request_denied);
    case bad_request: return error_code(HttpError::http_request_uri_invalid);
    case no_address:
      return with(HttpError::dns_error,
                  record(Value::some(Value::string("address not available")), Value::none_option()));
    case refused: return error_code(HttpError::connection_refused);
    case unreachable: return error_code(HttpError::destination_unavailable);
    case connect_timeout: return error_code(HttpError::connection_timeout);
    case certificate: return error_code(HttpError::tls_certificate_error);
    case tls: return error_code(HttpError::tls_protocol_error);
    case terminated: return error_code(HttpError::connection_terminated);
    case first_byte_timeout: return error_code(HttpError::connection_read_timeout);
    case protocol: return error_code(HttpError::http_protocol_error);
    case head_too_large: return error_code(HttpError::http_response_header_section_size);
    case cancelled: break;
  }
  return internal_error(why.message());
}

Value body_error(const Error& why, bool request) {
  switch (why.code()) {
    case Code::deadline: return error_code(HttpError::connection_read_timeout);
    case Code::limit:
      return error_code(request ? HttpError::http_request_body_size : HttpError::http_response_body_size);
    case Code::protocol: return error_code(HttpError::http_protocol_error);
    default: return error_code(request ? HttpError::connection_terminated : HttpError::http_response_incomplete);
  }
}

std::string_view name_of(HttpError error) noexcept {
  const auto index = static_cast<std::size_t>(error);
  return index < names.size() ? names[index] : "unknown error";
}

std::string describe_error_code(const Value& code) {
  std::string text(name_of(static_cast<HttpError>(code.case_index())));
  const Value& payload = code.payload();
  if (payload.kind() != Value::Kind::variant || payload.case_index() != 1) return text;
  const Value& inner = payload.payload();
  if (inner.kind() == Value::Kind::string) return concat(text, ": ", inner.as_string());
  if (inner.kind() == Value::Kind::u64 || inner.kind() == Value::Kind::u32) return concat(text, ": ", inner.bits());
  return text;
}

std::uint16_t status_for(const Value& code) noexcept {
  using enum HttpError;
  switch (static_cast<HttpError>(code.case_index())) {
    case dns_timeout:
    case connection_timeout:
    case connection_read_timeout:
    case connection_write_timeout:
    case http_response_timeout: return 504;
    case dns_error:
    case destination_not_found:
    case destination_unavailable:
    case destination_ip_prohibited:
    case destination_ip_unroutable:
    case connection_refused:
    case connection_terminated:
    case tls_protocol_error:
    case tls_certificate_error:
    case tls_alert_received:
    case http_response_incomplete:
    case http_response_header_section_size:
    case http_response_header_size:
    case http_response_body_size:
    case http_response_trailer_section_size:
    case http_response_trailer_size:
    case http_response_transfer_coding:
    case http_response_content_coding:
    case http_protocol_error: return 502;
    case connection_limit_reached: return 503;
    case http_request_denied: return 403;
    case http_request_length_required: return 411;
    case http_request_body_size: return 413;
    case http_request_method_invalid: return 405;
    case http_request_uri_invalid: return 400;
    case http_request_uri_too_long: return 414;
    case http_request_header_section_size:
    case http_request_header_size:
    case http_request_trailer_section_size:
    case http_request_trailer_size: return 431;
    case loop_detected: return 508;
    default: return 500;
  }
}

}  // namespace crank::wasi
