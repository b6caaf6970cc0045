// An HTTP service that misbehaves in every way a host must survive.
//
//     /trap          traps at once                     /trap-late     traps after the first piece of its body
//     /loop          never gives the processor back    /loop-late     the same after the first piece of its body
//     /never         waits for what nobody will send   /nothing       ends without an answer
//     /memory        takes memory until it gets none   /handles       makes handles for ever
//     /deep          recurses until the stack ends     /endless       a body without an end
//     /header?bytes=N    one header of N bytes         /headers?count=N   N headers
//     /short         says 100 bytes, sends 10          /long          says 10 bytes, sends 100
//     /early         drops the request's body unread   /holds         keeps reading but never answers
//     /error         answers the error case            anything else: 200 "alive"
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "crank/async/continuation.h"
#include "crank/guest/component_http.h"

namespace crank::example {
namespace {

namespace http = guest::http;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::size_t number_after(std::string_view path, std::string_view key) {
  std::size_t number = 0;
  if (auto at = path.find(key); at != std::string_view::npos)
    std::from_chars(path.data() + at + key.size(), path.data() + path.size(), number);
  return number;
}

enum class After { end, trap, loop, repeat };

Task<> send(http::Sending sending, std::string text, After after) {
  bool wanted = co_await guest::write_all(sending.bytes, bytes_of(text));
  if (after == After::trap) __builtin_trap();
  if (after == After::loop)
    for (volatile int forever = 1; forever;) {}
  while (after == After::repeat && wanted) wanted = co_await guest::write_all(sending.bytes, bytes_of(text));
  co_await http::finish(std::move(sending), http::no_trailers());
}

http::Answer answer(http::Fields fields, std::string text, After after = After::end) {
  auto [response, sending] = http::Response::with_body(200, std::move(fields));
  spawn(send(std::move(sending), std::move(text), after)).run_on();
  return std::move(response);
}

http::Fields sized(std::string_view length) {
  http::Fields fields;
  fields.set("content-length", length);
  return fields;
}

// The compiler does not see that it never ends.
[[gnu::noinline]] int deep(volatile int* level) {
  volatile char room[512];
  room[0] = static_cast<char>(++*level);
  return *level ? deep(level) + room[0] : 0;
}

Task<> wait_for_ever() {
  static std::optional<Continuation<>> kept;
  co_await with_continuation<>([&](Continuation<> done) { kept.emplace(std::move(done)); });
}

Task<http::Answer> handle(http::Request request) {
  auto whole = request.path_with_query();
  auto path = std::string_view(whole).substr(0, whole.find('?'));
  if (path == "/trap") __builtin_trap();
  if (path == "/trap-late") co_return answer({}, "the first piece\n", After::trap);
  if (path == "/loop")
    for (volatile int forever = 1; forever;) {}
  if (path == "/loop-late") co_return answer({}, "the first piece\n", After::loop);
  if (path == "/never") co_await wait_for_ever();
  if (path == "/memory") {
    constexpr std::size_t piece = 1024 * 1024;
    for (;;) {
      auto* memory = static_cast<volatile char*>(std::malloc(piece));
      if (!memory) __builtin_trap();
      for (std::size_t i = 0; i < piece; i += 4096) memory[i] = 1;
    }
  }
  if (path == "/handles")
    for (;;) (void)http::Fields().release();
  if (path == "/deep") {
    volatile int level = 0;
    deep(&level);
  }
  if (path == "/endless") co_return answer({}, std::string(4096, 'x'), After::repeat);
  if (path == "/header") {
    http::Fields fields;
    if (!fields.set("x-big", std::string(number_after(whole, "bytes="), 'x')))
      co_return std::unexpected(http::error(WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_HEADER_SECTION_SIZE));
    co_return answer(std::move(fields), "big\n");
  }
  if (path == "/headers") {
    http::Fields fields;
    for (std::size_t n = number_after(whole, "count="); n-- > 0;)
      if (!fields.append("x-many", "value"))
        co_return std::unexpected(http::error(WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_HEADER_SECTION_SIZE));
    co_return answer(std::move(fields), "many\n");
  }
  if (path == "/short") co_return answer(sized("100"), "only this\n");
  if (path == "/long") co_return answer(sized("10"), std::string(100, 'x'));
  if (path == "/early") {
    auto [reader, handled] = guest::make_future<http::OutcomeGlue>();
    { http::Body dropped = std::move(request).consume(std::move(reader)); }
    co_return answer({}, "did not read it\n");
  }
  if (path == "/holds") {
    auto [reader, handled] = guest::make_future<http::OutcomeGlue>();
    http::Body body = std::move(request).consume(std::move(reader));
    std::uint8_t ignored[1024];
    for (guest::Copied got; !got.ended && !got.cancelled;) got = co_await body.bytes.read(ignored);
    co_await wait_for_ever();
  }
  if (path == "/error") co_return std::unexpected(http::error(WASI_HTTP_TYPES_ERROR_CODE_CONFIGURATION_ERROR));
  co_return answer({}, "alive\n");
}

}  // namespace
}  // namespace crank::example

std::uint32_t exports_wasi_http_handler_handle(exports_wasi_http_handler_own_request_t request) {
  namespace http = crank::guest::http;
  {
    http::Request probe(request);
    if (probe.path_with_query() == "/nothing") return 0;  // EXIT, without task.return
    request = probe.release();
  }
  return crank::guest::begin_export(crank::example::handle(http::Request(request)), http::give);
}
std::uint32_t exports_wasi_http_handler_handle_callback(http_event_t* event) {
  return crank::guest::resume_export(*event);
}
