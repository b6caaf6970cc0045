// wasi:http in a component, over the generated glue of the world `http` (wit/generated/http): messages and fields as values
// that own their handles, bodies as streams, and the futures that go with them.
//
//     Task<http::Answer> handle(http::Request request) {
//       auto [response, body] = http::Response::with_body(200, fields);
//       spawn(send(std::move(body))).run_on();          // streams on after the answer
//       co_return std::move(response);
//     }
//     // examples/service/service.cc shows the two functions of glue that export it.
//
// A message that is sent comes with three ends for its sender, which are kept together as a Sending until the body has
// ended: bytes, trailers, and the outcome. A host takes an outcome dropped early as a sign to stop.
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "crank/guest/component.h"
#include "http/http.h"

namespace crank::guest::http {

using Error = wasi_http_types_error_code_t;
/// How a body ended: its trailers if it had some, or the error that cut it.
using Trailers = wasi_http_types_result_option_own_trailers_error_code_t;
/// What came of a message as a whole.
using Outcome = wasi_http_types_result_void_error_code_t;

/// An error case without a payload (WASI_HTTP_TYPES_ERROR_CODE_…).
inline Error error(std::uint8_t tag) noexcept { return Error{.tag = tag, .val = {}}; }
inline Trailers no_trailers() noexcept { return {.is_err = false, .val = {.ok = {.is_some = false, .val = {}}}}; }
inline Trailers cut_by(Error error) noexcept { return {.is_err = true, .val = {.err = error}}; }
inline Outcome fine() noexcept { return {.is_err = false, .val = {}}; }
inline Outcome failed(Error error) noexcept { return {.is_err = true, .val = {.err = error}}; }

struct ByteGlue {
  using Element = std::uint8_t;
  static constexpr auto make = wasi_http_types_stream_u8_new;
  static constexpr auto read = wasi_http_types_stream_u8_read;
  static constexpr auto write = wasi_http_types_stream_u8_write;
  static constexpr auto cancel_read = wasi_http_types_stream_u8_cancel_read;
  static constexpr auto cancel_write = wasi_http_types_stream_u8_cancel_write;
  static constexpr auto drop_readable = wasi_http_types_stream_u8_drop_readable;
  static constexpr auto drop_writable = wasi_http_types_stream_u8_drop_writable;
};
struct TrailersGlue {
  using Element = Trailers;
  static constexpr auto make = wasi_http_types_future_result_option_own_trailers_error_code_new;
  static constexpr auto read = wasi_http_types_future_result_option_own_trailers_error_code_read;
  static constexpr auto write = wasi_http_types_future_result_option_own_trailers_error_code_write;
  static constexpr auto cancel_read = wasi_http_types_future_result_option_own_trailers_error_code_cancel_read;
  static constexpr auto cancel_write = wasi_http_types_future_result_option_own_trailers_error_code_cancel_write;
  static constexpr auto drop_readable = wasi_http_types_future_result_option_own_trailers_error_code_drop_readable;
  static constexpr auto drop_writable = wasi_http_types_future_result_option_own_trailers_error_code_drop_writable;
  /// A sender that went away without a word has not sent all of it.
  static Trailers abandoned() noexcept { return cut_by(error(WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_INCOMPLETE)); }
};
struct OutcomeGlue {
  using Element = Outcome;
  static constexpr auto make = wasi_http_types_future_result_void_error_code_new;
  static constexpr auto read = wasi_http_types_future_result_void_error_code_read;
  static constexpr auto write = wasi_http_types_future_result_void_error_code_write;
  static constexpr auto cancel_read = wasi_http_types_future_result_void_error_code_cancel_read;
  static constexpr auto cancel_write = wasi_http_types_future_result_void_error_code_cancel_write;
  static constexpr auto drop_readable = wasi_http_types_future_result_void_error_code_drop_readable;
  static constexpr auto drop_writable = wasi_http_types_future_result_void_error_code_drop_writable;
  static Outcome abandoned() noexcept { return fine(); }
};
using ByteReader = StreamReader<ByteGlue>;
using ByteWriter = StreamWriter<ByteGlue>;
using TrailersReader = FutureReader<TrailersGlue>;
using TrailersWriter = FutureWriter<TrailersGlue>;
using OutcomeReader = FutureReader<OutcomeGlue>;
using OutcomeWriter = FutureWriter<OutcomeGlue>;

/// A handle of a resource of wasi:http, owned.
template <class Handle, void (*drop)(Handle)>
class Resource {
 public:
  explicit Resource(Handle handle) noexcept : handle_(handle) {}
  Resource(Resource&& from) noexcept : handle_(from.release()) {}
  Resource& operator=(Resource&& from) noexcept {
    std::swap(handle_, from.handle_);
    return *this;
  }
  ~Resource() {
    if (handle_.__handle) drop(handle_);
  }
  [[nodiscard]] Handle release() noexcept { return std::exchange(handle_, Handle{0}); }

 protected:
  Handle handle_;
};

/// Names are case insensitive. Those of a received message cannot be changed: `copy` first.
class Fields : public Resource<wasi_http_types_own_fields_t, wasi_http_types_fields_drop_own> {
 public:
  using Resource::Resource;
  Fields() : Resource(wasi_http_types_constructor_fields()) {}
  struct Field {
    std::string_view name, value;
  };
  /// All of them in one call of the host; empty when it refuses one.
  Fields(std::initializer_list<Field> fields);

  /// All values of the name, joined by ", "; empty when there are none.
  std::string get(std::string_view name) const;
  bool has(std::string_view name) const;
  /// False when the host does not allow it (a forbidden name, a bad value, a limit).
  bool set(std::string_view name, std::string_view value);
  bool append(std::string_view name, std::string_view value);
  bool remove(std::string_view name);
  Fields copy() const;
};

/// What a receiver gets: the bytes, and after their end how they ended.
struct Body {
  ByteReader bytes;
  TrailersReader trailers;
};

/// What a sender holds until the body has ended.
struct Sending {
  ByteWriter bytes;
  TrailersWriter trailers;
  OutcomeReader outcome;
};

class Request : public Resource<wasi_http_types_own_request_t, wasi_http_types_request_drop_own> {
 public:
  using Resource::Resource;
  /// A request to send on, with method, path, scheme, authority and options of `like`.
  static std::pair<Request, OutcomeReader> make_like(const Request& like, Fields fields, Body body);

  bool is_method(std::uint8_t tag) const;
  /// "/" when the request names none.
  std::string path_with_query() const;
  Fields fields() const;
  /// Takes the body; `outcome` says later what came of handling it.
  Body consume(OutcomeReader outcome) &&;
};

class Response : public Resource<wasi_http_types_own_response_t, wasi_http_types_response_drop_own> {
 public:
  using Resource::Resource;
  /// A response whose body the caller writes.
  static std::pair<Response, Sending> with_body(std::uint16_t status, Fields fields);
  /// A response whose body comes from elsewhere.
  static std::pair<Response, OutcomeReader> passing_on(std::uint16_t status, Fields fields, Body body);

  std::uint16_t status() const { return wasi_http_types_method_response_get_status_code(borrowed()); }
  Fields fields() const;
  Body consume(OutcomeReader outcome) &&;

 private:
  wasi_http_types_borrow_response_t borrowed() const { return wasi_http_types_borrow_response(handle_); }
};

using Answer = std::expected<Response, Error>;

/// For the generated export: passes the answer to task.return.
void give(Answer& answer);

/// Asks the imported handler, the next one of the composition. `error` is what it answered, or internal-error without a
/// text when the call was cancelled.
Task<Answer> handle_by_next(Request request);

/// Ends a body as it should: closes the bytes, then tells how it ended, and waits until that was taken.
Task<> finish(Sending sending, Trailers trailers);

}  // namespace crank::guest::http
