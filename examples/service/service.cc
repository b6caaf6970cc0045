// An HTTP service: a component that exports wasi:http/handler and needs nothing but wasi:http/types and a clock.
//
//     GET  /                      a greeting
//     GET  /text?bytes=N          N bytes of text, line by line the same every time (text_line below); default 1 MiB
//     POST /echo                  the request's body back, through this guest's memory
//     POST /splice                the same without touching it: the stream itself is handed over
//     POST /slow?ms=N             a first line at once; the last one N ms later, or without N when the request's body ends
//     GET  /status?code=N         an empty answer with that status
//     GET  /burn?ms=N             keeps the processor busy for N ms, then answers
//     GET  /loop                  keeps the processor busy for ever
//     GET  /trap                  traps
#include <charconv>
#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include "crank/async/sleep.h"
#include "crank/guest/component_http.h"

namespace crank::example {
namespace {

namespace http = guest::http;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// The number after "name=" in the query, or `otherwise`.
std::uint64_t query_number(std::string_view path, std::string_view name, std::uint64_t otherwise) {
  auto query = path.find('?');
  if (query == std::string_view::npos) return otherwise;
  for (auto rest = path.substr(query + 1); !rest.empty();) {
    auto end = rest.find('&');
    auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      std::uint64_t number = otherwise;
      std::from_chars(part.data() + name.size() + 1, part.data() + part.size(), number);
      return number;
    }
  }
  return otherwise;
}

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

http::Fields plain_text_of(std::uint64_t length) {
  char digits[20];
  std::string_view number(digits, std::to_chars(digits, digits + sizeof digits, length).ptr);
  return {{"content-type", plain_text}, {"content-length", number}};
}

// `text` is a literal.
Task<> send_literal(http::Sending sending, std::string_view text) {
  bool all = co_await guest::write_all(sending.bytes, bytes_of(text));
  co_await http::finish(std::move(sending), all ? http::no_trailers() : http::TrailersGlue::abandoned());
}

http::Answer literal(std::uint16_t status, std::string_view text) {
  auto [response, sending] = http::Response::with_body(status, plain_text_of(text.size()));
  spawn(send_literal(std::move(sending), text)).run_on();
  return std::move(response);
}

// Line n is 64 bytes: its number, and a sentence that starts n letters later.
constexpr std::size_t line_size = 64;
constexpr std::string_view sentence = "An actor awaits its turn, and the crank turns for it. ";
static_assert(sentence.size() == line_size - 10);
void text_line(std::uint64_t n, std::uint8_t* line) {
  std::uint64_t rest = n;
  for (int digit = 8; digit-- > 0; rest /= 10) line[digit] = static_cast<std::uint8_t>('0' + rest % 10);
  line[8] = ' ';
  std::size_t shift = n % sentence.size();
  std::memcpy(line + 9, sentence.data() + shift, sentence.size() - shift);
  std::memcpy(line + 9 + sentence.size() - shift, sentence.data(), shift);
  line[line_size - 1] = '\n';
}

Task<> send_text(http::Sending sending, std::uint64_t left) {
  constexpr std::size_t lines = 512;
  std::vector<std::uint8_t> page(lines * line_size);
  std::uint64_t line = 0;
  while (left != 0) {
    for (std::size_t i = 0; i < lines; ++i) text_line(line++, &page[i * line_size]);
    std::size_t size = left < page.size() ? static_cast<std::size_t>(left) : page.size();
    if (!co_await guest::write_all(sending.bytes, std::span(page).first(size))) break;
    left -= size;
  }
  co_await http::finish(std::move(sending), left == 0 ? http::no_trailers() : http::TrailersGlue::abandoned());
}

// The other direction's content-type, so that an echo is what was sent.
http::Fields echoed_fields(const http::Request& request) {
  http::Fields fields;
  auto received = request.fields();
  if (auto type = received.get("content-type"); !type.empty()) fields.set("content-type", type);
  if (auto length = received.get("content-length"); !length.empty()) fields.set("content-length", length);
  return fields;
}

Task<> copy_body(http::Body body, http::OutcomeWriter outcome, http::Sending sending) {
  std::vector<std::uint8_t> buffer(64 * 1024);
  bool all = true;
  for (;;) {
    guest::Copied got = co_await body.bytes.read(buffer);
    if (got.count && !co_await guest::write_all(sending.bytes, std::span(buffer).first(got.count))) all = false;
    if (!all || got.ended || got.cancelled) break;
  }
  body.bytes.close();
  http::Trailers trailers = http::TrailersGlue::abandoned();
  if (all) co_await body.trailers.read(trailers);
  spawn(std::move(outcome).fulfil(http::fine())).run_on();
  co_await http::finish(std::move(sending), trailers);
}

http::Answer echo(http::Request request) {
  auto fields = echoed_fields(request);
  auto [outcome_reader, outcome] = guest::make_future<http::OutcomeGlue>();
  http::Body body = std::move(request).consume(std::move(outcome_reader));
  auto [response, sending] = http::Response::with_body(200, std::move(fields));
  spawn(copy_body(std::move(body), std::move(outcome), std::move(sending))).run_on();
  return std::move(response);
}

// Keeps the outcome of a message in flight until the host has told it.
Task<> hold(http::OutcomeReader sent, http::OutcomeWriter handled) {
  http::Outcome outcome{};
  co_await sent.read(outcome);
  if (outcome.is_err) wasi_http_types_error_code_free(&outcome.val.err);
  co_await std::move(handled).fulfil(http::fine());
}

http::Answer splice(http::Request request) {
  auto fields = echoed_fields(request);
  auto [outcome_reader, outcome] = guest::make_future<http::OutcomeGlue>();
  http::Body body = std::move(request).consume(std::move(outcome_reader));
  auto [response, sent] = http::Response::passing_on(200, std::move(fields), std::move(body));
  spawn(hold(std::move(sent), std::move(outcome))).run_on();
  return std::move(response);
}

Task<> send_slowly(http::Body body, http::OutcomeWriter outcome, http::Sending sending, std::uint64_t ms) {
  bool all = co_await guest::write_all(sending.bytes, bytes_of("the first line\n"));
  if (ms) {
    (void)co_await sleep_for(std::chrono::milliseconds(ms));
  } else {
    std::uint8_t ignored[256];
    for (guest::Copied got; !got.ended && !got.cancelled;) got = co_await body.bytes.read(ignored);
  }
  body.bytes.close();
  spawn(std::move(outcome).fulfil(http::fine())).run_on();
  all = all && co_await guest::write_all(sending.bytes, bytes_of("the last line\n"));
  co_await http::finish(std::move(sending), all ? http::no_trailers() : http::TrailersGlue::abandoned());
}

http::Answer slow(http::Request request, std::uint64_t ms) {
  auto [outcome_reader, outcome] = guest::make_future<http::OutcomeGlue>();
  http::Body body = std::move(request).consume(std::move(outcome_reader));
  auto [response, sending] = http::Response::with_body(200, {{"content-type", plain_text}});
  spawn(send_slowly(std::move(body), std::move(outcome), std::move(sending), ms)).run_on();
  return std::move(response);
}

http::Answer empty(std::uint16_t status) {
  http::Fields fields;
  if (status >= 200 && status != 204 && status != 304) fields.set("content-length", "0");
  auto [trailers_reader, trailers] = guest::make_future<http::TrailersGlue>();
  auto [response, sent] =
      http::Response::passing_on(status, std::move(fields), {http::ByteReader(), std::move(trailers_reader)});
  spawn(std::move(trailers).fulfil(http::no_trailers())).run_on();
  return std::move(response);
}

void burn(std::uint64_t ms) {
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  volatile std::uint32_t x = 1;
  while (std::chrono::steady_clock::now() < end)
    for (int i = 0; i < 100000; ++i) x = x * 1664525 + 1013904223;
}

Task<http::Answer> handle(http::Request request) {
  auto whole = request.path_with_query();
  auto path = std::string_view(whole).substr(0, whole.find('?'));
  if (path == "/") co_return literal(200, "Hello from a component.\n");
  if (path == "/text") {
    std::uint64_t bytes = query_number(whole, "bytes", 1024 * 1024);
    auto [response, sending] = http::Response::with_body(200, plain_text_of(bytes));
    spawn(send_text(std::move(sending), bytes)).run_on();
    co_return std::move(response);
  }
  if (path == "/echo") co_return echo(std::move(request));
  if (path == "/splice") co_return splice(std::move(request));
  if (path == "/slow") co_return slow(std::move(request), query_number(whole, "ms", 0));
  if (path == "/status") co_return empty(static_cast<std::uint16_t>(query_number(whole, "code", 204)));
  if (path == "/burn") {
    burn(query_number(whole, "ms", 100));
    co_return literal(200, "Burnt.\n");
  }
  if (path == "/loop")
    for (volatile int forever = 1; forever;) {}
  if (path == "/trap") __builtin_trap();
  co_return literal(404, "There is nothing here.\n");
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
