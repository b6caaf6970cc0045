// wasi:http/types error-code, in the order of the WIT, and what it means elsewhere: as an HTTP status, from our client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "crank/base/result.h"
#include "crank/component/value.h"
#include "crank/io/http_client.h"

namespace crank::wasi {

enum class HttpError : std::uint32_t {
  dns_timeout,
  dns_error,
  destination_not_found,
  destination_unavailable,
  destination_ip_prohibited,
  destination_ip_unroutable,
  connection_refused,
  connection_terminated,
  connection_timeout,
  connection_read_timeout,
  connection_write_timeout,
  connection_limit_reached,
  tls_protocol_error,
  tls_certificate_error,
  tls_alert_received,
  http_request_denied,
  http_request_length_required,
  http_request_body_size,
  http_request_method_invalid,
  http_request_uri_invalid,
  http_request_uri_too_long,
  http_request_header_section_size,
  http_request_header_size,
  http_request_trailer_section_size,
  http_request_trailer_size,
  http_response_incomplete,
  http_response_header_section_size,
  http_response_header_size,
  http_response_body_size,
  http_response_trailer_section_size,
  http_response_trailer_size,
  http_response_transfer_coding,
  http_response_content_coding,
  http_response_timeout,
  http_upgrade_failed,
  http_protocol_error,
  loop_detected,
  configuration_error,
  internal_error,
};

/// An error-code value of that case; payloads that are options or records are filled with what is known.
component::Value error_code(HttpError error);
component::Value body_size_error(HttpError error, std::uint64_t size);  ///< the two body-size cases
component::Value internal_error(std::string what);
/// What a broken or refused request of our client is to a guest.
component::Value error_code(io::ClientFailure failure, const Error& why);
/// A body that failed while it was received (`request`: by the server, else by the client).
component::Value body_error(const Error& why, bool request);

std::string_view name_of(HttpError error) noexcept;
/// The case of an error-code value, with what its payload says, for the log: "internal-error: out of cheese".
std::string describe_error_code(const component::Value& code);
/// The status a client gets when the handler answers this error instead of a response.
std::uint16_t status_for(const component::Value& code) noexcept;

}  // namespace crank::wasi
