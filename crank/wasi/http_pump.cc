#include "crank/wasi/http_pump.h"

#include <algorithm>
#include <vector>

#include "crank/wasi/http_error.h"

namespace crank::wasi {

using namespace component;

namespace {

// For reads and writes that are given up at once where they would wait: nobody is called.
struct Nobody final : io::ReadListener, io::WriteListener {
  void on_read(Result<std::size_t>) override {}
  void on_written(Result<std::size_t>) override {}
};

Value trailers_value(const io::Headers& headers) {
  if (headers.empty()) return Value::ok(Value::none_option());
  auto fields = make_ref<Fields>(headers);
  fields->immutable = true;
  return Value::ok(Value::some(Value::handle(std::move(fields))));
}

}  // namespace

void discard(HostBody body) noexcept {
  if (!body.source) return;
  auto& loop = body.source->loop();
  if (loop.on_loop_thread()) return body.source->discard();
  loop.post([body = std::move(body)] { body.source->discard(); });
}

namespace {

enum class Fed { all, reader_gone, from_own_buffer };

// Into the guest's own buffers.
Task<Result<Fed>> feed_lent(io::BodySource& source, StreamWriter& contents) {
  Nobody nobody;
  for (;;) {
    auto loan = co_await contents.lend();
    if (!loan) co_return loan.error().code() == Code::unsupported ? Fed::from_own_buffer : Fed::reader_gone;
    if (loan->closed()) co_return Fed::reader_gone;
    auto attempt = source.read(loan->bytes(), nobody);
    if (!attempt) {
      // Nothing there: the guest gets its buffer back, so that it can cancel its read while the network is silent.
      source.cancel_read();
      loan->finish(0);
      auto ready = co_await ReadSome(source, {});
      if (!ready) co_return fail(std::move(ready).error());
      continue;
    }
    if (!*attempt) co_return fail(std::move(*attempt).error());
    loan->finish(**attempt);
    if (**attempt == 0) co_return Fed::all;
  }
}

// The reader is the host itself: a guest passed the stream on untouched.
Task<Result<Fed>> feed_own(io::BodySource& source, StreamWriter& contents) {
  std::vector<std::byte> buffer(64 * 1024);
  for (;;) {
    auto n = co_await ReadSome(source, buffer);
    if (!n) co_return fail(std::move(n).error());
    if (*n == 0) co_return Fed::all;
    auto taken = co_await contents.write(std::span(buffer).first(*n));
    if (!taken || *taken < *n) co_return Fed::reader_gone;
  }
}

}  // namespace

Task<> feed(HostBody body, StreamWriter contents, FutureWriter trailers) {
  io::BodySource& source = *body.source;
  auto fed = co_await feed_lent(source, contents);
  if (fed && *fed == Fed::from_own_buffer) fed = co_await feed_own(source, contents);
  const bool reader_gone = fed && *fed == Fed::reader_gone;
  if (!fed || reader_gone) source.discard();
  contents.close();
  trailers.set(!fed          ? Value::error(body_error(fed.error(), body.is_request))
               : reader_gone ? Value::ok(Value::none_option())
                             : trailers_value(source.trailers()));
}

namespace {

struct Sending {
  io::BodySink& sink;
  std::optional<std::uint64_t> length;
  bool is_request;
  std::uint64_t sent = 0;

  Value too_long_or_short(std::uint64_t size) const {
    return body_size_error(is_request ? HttpError::http_request_body_size : HttpError::http_response_body_size, size);
  }
  Value broken(const Error& why) const {
    return error_code(why.code() == Code::deadline ? HttpError::connection_write_timeout
                                                   : HttpError::connection_terminated);
  }
};

// What of it the connection takes without waiting; `full` when it would have to wait. In pieces, since the rest of a chunk
// that is under way is copied.
struct Taken {
  std::size_t bytes = 0;
  bool full = false;
};
Result<Taken> write_now(io::BodySink& sink, std::span<const std::byte> bytes) {
  constexpr std::size_t piece = 64 * 1024;
  Nobody nobody;
  Taken taken;
  while (!taken.full && taken.bytes < bytes.size()) {
    auto rest = bytes.subspan(taken.bytes);
    auto attempt = sink.write(rest.first(std::min(rest.size(), piece)), nobody);
    if (attempt && !*attempt) return fail(std::move(*attempt).error());
    taken.full = !attempt;
    taken.bytes += attempt ? **attempt : sink.cancel_write();
  }
  return taken;
}

Task<std::optional<Value>> send_guest(GuestBody& body, Sending& to) {
  if (body.contents) {
    std::vector<std::byte> own;  // when the writer is the host itself and cannot lend
    for (;;) {
      if (!own.empty()) {
        auto n = co_await body.contents->read(own);
        if (!n) co_return internal_error(n.error().message());
        if (*n == 0) break;
        if (to.length && to.sent + *n > *to.length) co_return to.too_long_or_short(to.sent + *n);
        auto written = co_await WriteAll(to.sink, std::span(own).first(*n));
        if (!written) co_return to.broken(written.error());
        to.sent += *written;
        continue;
      }
      auto loan = co_await body.contents->lend();
      if (!loan && loan.error().code() == Code::unsupported) {
        own.resize(64 * 1024);
        continue;
      }
      if (!loan) co_return internal_error(loan.error().message());
      if (loan->closed()) break;
      const auto size = loan->bytes().size();
      if (to.length && to.sent + size > *to.length) co_return to.too_long_or_short(to.sent + size);
      // A loan is not kept while the peer is slow: the guest can take its write back at any time.
      auto taken = write_now(to.sink, loan->bytes());
      if (!taken) co_return to.broken(taken.error());
      to.sent += taken->bytes;
      loan->finish(taken->bytes);
      if (!taken->full) continue;
      if (auto drained = co_await WriteAll(to.sink, {}); !drained) co_return to.broken(drained.error());
    }
    body.contents->close();
  }
  if (to.length && to.sent < *to.length) co_return to.too_long_or_short(to.sent);
  auto trailers = co_await body.trailers.read();
  // A guest that died leaves its future unwritten: what it sent so far must not look complete.
  if (!trailers) co_return internal_error(trailers.error().message());
  if (trailers->case_index() == 1) co_return std::move(trailers->payload());
  const Value& fields = trailers->payload();
  to.sink.finish(fields.case_index() ? &static_cast<Fields*>(fields.payload().as_handle())->headers : nullptr);
  co_return std::nullopt;
}

Task<std::optional<Value>> send_host(HostBody& body, Sending& to) {
  std::vector<std::byte> buffer(64 * 1024);
  while (body.has_bytes) {
    auto n = co_await ReadSome(*body.source, buffer);
    if (!n) co_return body_error(n.error(), body.is_request);
    if (*n == 0) break;
    if (to.length && to.sent + *n > *to.length) co_return to.too_long_or_short(to.sent + *n);
    auto written = co_await WriteAll(to.sink, std::span(buffer).first(*n));
    if (!written) co_return to.broken(written.error());
    to.sent += *written;
  }
  if (to.length && to.sent < *to.length) co_return to.too_long_or_short(to.sent);
  const auto& trailers = body.source->trailers();
  to.sink.finish(trailers.empty() ? nullptr : &trailers);
  co_return std::nullopt;
}

}  // namespace

Task<std::optional<Value>> send_body(Body body, io::BodySink& sink, std::optional<std::uint64_t> length,
                                     bool is_request) {
  Sending to{sink, length, is_request};
  std::optional<Value> failure;
  if (body.is_guest()) {
    auto guest = body.take_guest();
    failure = co_await send_guest(guest, to);
    if (guest.contents) guest.contents->close();
    guest.transmission.set(failure ? Value::error(failure->clone()) : Value::ok());
  } else if (body.is_host()) {
    auto host = body.take_host();
    failure = co_await send_host(host, to);
    if (failure) discard(std::move(host));
  } else {
    sink.finish();
  }
  if (failure) sink.abort();
  co_return failure;
}

}  // namespace crank::wasi
