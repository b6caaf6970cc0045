#include "crank/guest/http.h"

namespace crank::guest::http {
namespace {

bool single_line(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// A decimal number at the front of `text`, which it is taken from; false when there is none or it is out of range.
bool take_number(std::string_view& text, std::uint32_t& number) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 10)
    value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
  if (digits == 0 || value > 0xffffffff) return false;
  number = static_cast<std::uint32_t>(value);
  text.remove_prefix(digits);
  return true;
}

auto send_encoded(std::span<const std::byte> request, HttpFlags flags) {
  return bridge([request, flags](const Imports& imports, std::uint32_t token, std::uint32_t task) {
    imports.http(token, task, flags, request);
  });
}

Task<Result<Response>> exchange(Result<Bytes> request, HttpFlags flags) {
  if (!request) co_return std::unexpected(std::move(request).error());
  Result<Bytes> answer = co_await send_encoded(*request, flags);
  if (!answer) co_return std::unexpected(std::move(answer).error());
  co_return Response::parse(*std::move(answer));
}

}  // namespace

Result<Bytes> encode(const Request& request) {
  bool sound = single_line(request.method) && single_line(request.url) && !request.method.empty();
  std::size_t size = request.method.size() + request.url.size() + 3 + request.body.size();
  for (const Header& header : request.headers) {
    sound = sound && single_line(header.name) && single_line(header.value) && !header.name.empty();
    size += header.name.size() + header.value.size() + 3;
  }
  if (!sound) return fail(Code::bad_argument, "an http request has a line break in its method, address or headers");
  Bytes out(size);
  std::byte* at = out.data();
  auto put = [&](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(request.method);
  put(" ");
  put(request.url);
  put("\n");
  for (const Header& header : request.headers) {
    put(header.name);
    put(": ");
    put(header.value);
    put("\n");
  }
  put("\n");
  put(as_text(request.body));
  return out;
}

Result<Response> Response::parse(Bytes answer) {
  std::string_view text = answer.text(), rest = text;
  std::uint32_t code = 0, stream = 0;
  bool sound = take_number(rest, code) && code < 1000 && rest.starts_with(' ');
  if (sound) rest.remove_prefix(1);
  sound = sound && take_number(rest, stream) && rest.starts_with('\n');
  if (!sound) return fail(Code::protocol, "the host's http answer does not begin with a code and a stream number");
  rest.remove_prefix(1);
  std::size_t headers = text.size() - rest.size();
  while (!rest.starts_with('\n')) {
    std::size_t line = rest.find('\n');
    if (line == std::string_view::npos) return fail(Code::protocol, "the head of the host's http answer has no end");
    rest.remove_prefix(line + 1);
  }
  Response response;
  response.headers_ = headers;
  response.body_ = text.size() - rest.size() + 1;
  response.code_ = static_cast<int>(code);
  response.stream_ = stream;
  response.answer_ = std::move(answer);
  return response;
}

std::string_view Response::header(std::string_view name) const noexcept {
  if (body_ == 0) return {};
  std::string_view lines = answer_.text().substr(headers_, body_ - 1 - headers_);
  while (!lines.empty()) {
    std::size_t end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && same_name(line.substr(0, colon), name)) return line.substr(colon + 2);
  }
  return {};
}

[[clang::coro_wrapper, clang::coro_disable_lifetimebound]] Task<Result<Response>> send(const Request& request) {
  return exchange(encode(request), HttpFlags::whole);
}
[[clang::coro_wrapper, clang::coro_disable_lifetimebound]] Task<Result<Response>> open(const Request& request) {
  return exchange(encode(request), HttpFlags::in_chunks);
}
[[clang::coro_wrapper, clang::coro_disable_lifetimebound]] Task<Result<Response>> get(std::string_view url) {
  return exchange(encode({.url = url}), HttpFlags::whole);
}

BodyReader::~BodyReader() {
  if (stream_) Bridges::current().imports().close(stream_);
}

Task<Result<Bytes>> BodyReader::next() {
  if (!stream_) co_return Bytes(std::exchange(first_, {}));
  Result<Bytes> chunk = co_await bridge(
      [this](const Imports& imports, std::uint32_t token, std::uint32_t task) { imports.read(token, task, stream_); });
  if (!chunk || chunk->empty()) Bridges::current().imports().close(std::exchange(stream_, 0));
  co_return chunk;
}

}  // namespace crank::guest::http
