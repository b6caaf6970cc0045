// A middleware: exports wasi:http/handler, imports the next one, and makes compression between client and service
// transparent, both ways, while the bodies stream.
//
//     client --[gzip or deflate body]--> decode --[plain body]--> next handler
//     client <--[gzip or deflate body]-- encode <--[plain body]-- next handler
//
// A message that needs no change is passed on as it is, its body untouched. The answer goes back to the client as soon as
// the next handler gave its own: what pumps the bodies was spawned and outlives the call. While a body's source is silent,
// what was read so far is flushed, so that the client sees every byte the service has written.
#include <vector>

#include "crank/guest/component_http.h"
#include "examples/middleware/codec.h"

namespace crank::example {
namespace {

namespace http = guest::http;

constexpr std::size_t window = 32 * 1024;

// Writes what the codec makes until it wants input; false when the reader has gone.
template <class Codec>
Task<bool> drain(Codec& codec, Flush flush, std::span<std::uint8_t> output, http::ByteWriter& to) {
  while (std::size_t made = codec.step(output, flush))
    if (!co_await guest::write_all(to, output.first(made))) co_return false;
  co_return true;
}

// Moves one body through a codec: to its end (true), to the end of whoever reads it, or to the first byte that is wrong.
template <class Codec>
Task<bool> pump(Codec& codec, http::ByteReader from, http::ByteWriter& to) {
  std::vector<std::uint8_t> input(window), output(window);
  bool wanted = true;
  for (bool ended = false; !ended && wanted && !codec.failed();) {
    auto read = from.read(input);
    if (!read.is_ready() && codec.holds_back()) wanted = co_await drain(codec, Flush::sync, output, to);
    guest::Copied got = co_await read;
    ended = got.ended || got.cancelled;
    codec.feed(std::span(input).first(got.count));
    if (wanted) wanted = co_await drain(codec, Flush::none, output, to);
  }
  if (wanted && !codec.failed()) wanted = co_await drain(codec, Flush::finish, output, to);
  co_return wanted && !codec.failed();
}

// The request's body: what is no valid coding ends as an error for both sides.
Task<> decode(Coding coding, http::Body from, http::OutcomeWriter handled, http::Sending to) {
  Decoder decoder(coding);
  bool all = co_await pump(decoder, std::move(from.bytes), to.bytes);
  http::Trailers trailers = http::TrailersGlue::abandoned();
  http::Outcome outcome = http::fine();
  if (all) {
    co_await from.trailers.read(trailers);
  } else if (decoder.failed()) {
    auto wrong = http::error(WASI_HTTP_TYPES_ERROR_CODE_HTTP_PROTOCOL_ERROR);
    outcome = http::failed(wrong);
    trailers = http::cut_by(wrong);
  }
  spawn(std::move(handled).fulfil(outcome)).run_on();
  co_await http::finish(std::move(to), trailers);
}

// The answer's body. Its trailers are passed on unread: a service that hands a request's body over as its answer's hands
// over our own future, which only somebody else may read (a component cannot copy such a value to itself).
Task<> encode(Coding coding, http::ByteReader from, http::OutcomeWriter handled, http::ByteWriter to,
              http::OutcomeReader sent) {
  Encoder encoder(coding);
  co_await pump(encoder, std::move(from), to);
  to.close();
  spawn(std::move(handled).fulfil(http::fine())).run_on();
  http::Outcome outcome{};
  co_await sent.read(outcome);
  if (outcome.is_err) wasi_http_types_error_code_free(&outcome.val.err);
}

// The request as the next handler shall see it: decoded if its outermost coding is one of ours.
http::Request decoded(http::Request request) {
  auto received = request.fields();
  auto content_encoding = received.get("content-encoding");
  auto outermost = outermost_coding(content_encoding);
  if (outermost.coding == Coding::identity || forbids_transform(received.get("cache-control"))) return request;
  auto fields = received.copy();
  fields.remove("content-length");
  if (outermost.remaining.empty())
    fields.remove("content-encoding");
  else
    fields.set("content-encoding", outermost.remaining);
  auto [handled_reader, handled] = guest::make_future<http::OutcomeGlue>();
  auto [bytes_reader, bytes] = guest::make_stream<http::ByteGlue>();
  auto [trailers_reader, trailers] = guest::make_future<http::TrailersGlue>();
  auto [forwarded, outcome] =
      http::Request::make_like(request, std::move(fields), {std::move(bytes_reader), std::move(trailers_reader)});
  http::Body body = std::move(request).consume(std::move(handled_reader));
  spawn(decode(outermost.coding, std::move(body), std::move(handled),
               {std::move(bytes), std::move(trailers), std::move(outcome)}))
      .run_on();
  return std::move(forwarded);
}

// What every answer that could have been coded another way says to caches.
void add_vary(http::Fields& fields) {
  if (fields.get("vary").find('*') == std::string::npos) fields.append("vary", "accept-encoding");
}

// An entity tag names exact bytes; the coded body means the same, but its bytes are others (RFC 9110, 8.8.1).
void weaken_tag(http::Fields& fields) {
  if (auto tag = fields.get("etag"); tag.starts_with('"')) fields.set("etag", "W/" + tag);
}

// The answer as the client shall see it: coded when client and answer allow it.
http::Response encoded(http::Response response, std::string_view accept_encoding, bool head) {
  auto coding = choose_coding(accept_encoding);
  if (coding == Coding::identity || !may_code_response(response.status(), head)) return response;
  auto received = response.fields();
  if (received.has("content-encoding") || received.has("content-range") ||
      !worth_coding(received.get("content-type")) || forbids_transform(received.get("cache-control")))
    return response;
  auto fields = received.copy();
  fields.remove("content-length");
  fields.set("content-encoding", name_of(coding));
  add_vary(fields);
  weaken_tag(fields);
  std::uint16_t status = response.status();
  auto [handled_reader, handled] = guest::make_future<http::OutcomeGlue>();
  http::Body body = std::move(response).consume(std::move(handled_reader));
  auto [bytes_reader, bytes] = guest::make_stream<http::ByteGlue>();
  auto [answer, sent] =
      http::Response::passing_on(status, std::move(fields), {std::move(bytes_reader), std::move(body.trailers)});
  spawn(encode(coding, std::move(body.bytes), std::move(handled), std::move(bytes), std::move(sent))).run_on();
  return std::move(answer);
}

Task<http::Answer> handle(http::Request request) {
  auto accept_encoding = request.fields().get("accept-encoding");
  bool head = request.is_method(WASI_HTTP_TYPES_METHOD_HEAD);
  http::Answer answer = co_await http::handle_by_next(decoded(std::move(request)));
  if (answer) answer = encoded(std::move(*answer), accept_encoding, head);
  co_return answer;
}

}  // namespace
}  // namespace crank::example

std::uint32_t exports_wasi_http_handler_handle(exports_wasi_http_handler_own_request_t request) {
  namespace http = crank::guest::http;
  return crank::guest::begin_export(crank::example::handle(http::Request(request)), http::give);
}
std::uint32_t exports_wasi_http_handler_handle_callback(http_event_t* event) {
  return crank::guest::resume_export(*event);
}
