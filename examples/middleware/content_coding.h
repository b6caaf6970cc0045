// What HTTP (RFC 9110, sections 8.4, 12.5.3 and 7.7; RFC 9111, 5.2) lets a middleware do with content codings, as pure
// functions of header values: which coding to answer in, which one to take off a body, and when to keep hands off.
// Two codings are known: gzip (with its old name x-gzip) and deflate, which is the zlib format.
#pragma once

#include <string_view>

namespace crank::example {

enum class Coding : unsigned char { identity, gzip, deflate };

/// The name as it stands in Content-Encoding.
std::string_view name_of(Coding coding);

/// The coding to answer in, from the value of Accept-Encoding (several header lines are joined with commas before).
/// The highest weight wins, gzip on a tie; identity when none of ours is acceptable or identity weighs more.
Coding choose_coding(std::string_view accept_encoding);

/// The outermost coding of a body, the last one applied.
struct Outermost {
  Coding coding;               ///< identity when there is none, or one we do not know: then hands off
  std::string_view remaining;  ///< what Content-Encoding says once `coding` is taken off; empty: drop the header
};
Outermost outermost_coding(std::string_view content_encoding);

/// Whether a Cache-Control value holds no-transform: then nobody on the way may change the body.
bool forbids_transform(std::string_view cache_control);

/// Whether a response with this status, to a request with or without HEAD, carries a body that may be coded: not when
/// there is none (HEAD, 1xx, 204, 304), and not a part of one (206), whose ranges count bytes of the coded form.
bool may_code_response(unsigned status, bool head);

/// Whether a body of this Content-Type gets smaller; false for what is compressed already.
bool worth_coding(std::string_view content_type);

}  // namespace crank::example
