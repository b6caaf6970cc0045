// HTTP through the host: its connections, TLS, cookies and credentials; the guest sees requests and responses only.
//
//     Result<http::Response> page = co_await http::get("https://example.test/report.json");
//     if (page && page->code() == 200) use(page->text());
//
// Any status code is an answer; an error says that there is none: Code::bad_argument when the host's policy refuses the
// address, Code::io, Code::protocol, Code::deadline, Code::limit. Cancelling the task ends the wait with Code::cancelled and
// lets the host drop the connection.
#pragma once

#include <span>
#include <string_view>

#include "crank/async/task.h"
#include "crank/guest/bridge.h"

namespace crank::guest::http {

struct Header {
  std::string_view name, value;
};

struct Request {
  std::string_view method = "GET";
  std::string_view url;
  std::span<const Header> headers = {};
  std::span<const std::byte> body = {};
};

/// The head of a response, and its body as far as it came with the head. Views point into it.
class Response {
 public:
  Response() = default;
  /// Of an answer as docs/reactor-abi.md lays it out; Code::protocol when it is not one.
  static Result<Response> parse(Bytes answer);

  int code() const noexcept { return code_; }
  /// The value of a header (names compare without case), or "".
  std::string_view header(std::string_view name) const noexcept;
  std::string_view text() const noexcept { return answer_.text().substr(body_); }
  std::span<const std::byte> body() const noexcept { return answer_.view().subspan(body_); }
  /// What is to be read with `BodyReader`; 0: the body is all here.
  std::uint32_t stream() const noexcept { return stream_; }

 private:
  Bytes answer_;
  std::size_t headers_ = 0, body_ = 0;
  std::uint32_t stream_ = 0;
  int code_ = 0;
};

/// The text of a request as it crosses. A line break in a name, value or address is refused: Code::bad_argument.
Result<Bytes> encode(const Request& request);

/// The whole response. The request is read at the call, and sent when the task runs.
[[clang::coro_wrapper, clang::coro_disable_lifetimebound]] Task<Result<Response>> send(const Request& request);
/// GET, the whole response.
[[clang::coro_wrapper, clang::coro_disable_lifetimebound]] Task<Result<Response>> get(std::string_view url);
/// The response as soon as its head is there; a BodyReader reads the rest.
[[clang::coro_wrapper, clang::coro_disable_lifetimebound]] Task<Result<Response>> open(const Request& request);

/// The body of an opened response, chunk by chunk as the host receives it. Destroying it early tells the host to stop.
class [[nodiscard("an unread body is closed at once")]] BodyReader {
 public:
  explicit BodyReader(Response& response) noexcept
      : stream_(response.stream()), first_(stream_ ? std::span<const std::byte>{} : response.body()) {}
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;
  ~BodyReader();

  /// The next chunk, empty at the end (and ever after), or an error, after which there is nothing more.
  Task<Result<Bytes>> next();

 private:
  std::uint32_t stream_;
  std::span<const std::byte> first_;
};

}  // namespace crank::guest::http
