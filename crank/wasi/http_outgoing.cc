#include "crank/wasi/http_outgoing.h"

#include "crank/async/cancellation.h"
#include "crank/async/spawn.h"
#include "crank/io/http_client.h"
#include "crank/wasi/http_error.h"
#include "crank/wasi/http_pump.h"
#include "crank/wasi/http_syntax.h"
#include "crank/wasi/registration.h"

namespace crank::wasi {

using namespace component;

namespace {

/// One request under way: waited for by the task that answers the guest, told by the client or by a failing body.
class Outgoing final : public io::ClientListener {
 public:
  std::shared_ptr<io::ClientCall> call;
  std::optional<Value> failure;

  void end(std::optional<Value> why) {
    if (done_) return;
    done_ = true;
    failure = std::move(why);
    if (waiting_) crank::detail::resume_later(*std::exchange(waiting_, nullptr));
  }
  void on_response(io::ClientCall&) override { end(std::nullopt); }
  void on_failure(io::ClientFailure kind, const Error& why) override { end(error_code(kind, why)); }

  struct Done : crank::detail::Awaiter {
    Outgoing& outgoing;
    explicit Done(Outgoing& o) : outgoing(o) {}
    bool await_ready() const noexcept { return outgoing.done_; }
    void await_suspend(std::coroutine_handle<> here) noexcept {
      outgoing.waiting_ = &crank::detail::suspend_current(here);
    }
    void await_resume() const noexcept {}
  };

 private:
  bool done_ = false;
  TaskRecord* waiting_ = nullptr;
};

Task<> pump(std::shared_ptr<Outgoing> outgoing, Body body, std::optional<std::uint64_t> length) {
  auto call = outgoing->call;
  auto failure = co_await send_body(std::move(body), *call, length, true);
  if (failure) outgoing->end(std::move(failure));
}

struct Prepared {
  io::ClientRequest request;
  std::optional<std::uint64_t> length;
};

/// What can be sent, or the error-code that says why not.
std::expected<Prepared, Value> prepare(const Request& from) {
  Prepared made;
  auto& request = made.request;
  if (from.scheme && from.scheme->kind == Scheme::other)
    return std::unexpected(error_code(HttpError::http_protocol_error));
  request.tls = !from.scheme || from.scheme->kind == Scheme::https;
  auto authority = from.authority ? parse_authority(*from.authority) : std::nullopt;
  if (!authority || authority->has_user) return std::unexpected(error_code(HttpError::http_request_uri_invalid));
  request.host = std::move(authority->host);
  request.port = authority->port;
  if (from.method == "CONNECT") return std::unexpected(error_code(HttpError::http_request_method_invalid));
  request.head.method = from.method;
  request.head.target = from.path_with_query.value_or("/");
  if (request.head.target.empty() || request.head.target.front() == '?') request.head.target.insert(0, "/");
  request.head.headers = from.headers->headers;
  if (auto given = request.head.headers.find("content-length"); given.data()) {
    const auto length = io::parse_length(given);
    if (length < 0) return std::unexpected(error_code(HttpError::http_request_body_size));
    made.length = static_cast<std::uint64_t>(length);
  }
  if (from.options) {
    const auto set = [](auto& to, const std::optional<std::uint64_t>& nanoseconds) {
      if (nanoseconds) to = std::chrono::nanoseconds(std::min<std::uint64_t>(*nanoseconds, INT64_MAX));
    };
    set(request.connect_timeout, from.options->connect);
    set(request.first_byte_timeout, from.options->first_byte);
    set(request.between_bytes_timeout, from.options->between_bytes);
  }
  return made;
}

// On the context's executor.
Task<Result<Value>> send_here(std::shared_ptr<Context> context, Ref<Request> request) {
  Body body = std::move(request->body);
  auto prepared = prepare(*request);
  if (!context->http_client) prepared = std::unexpected(error_code(HttpError::http_request_denied));
  if (!prepared) {
    if (body.is_guest()) {
      auto guest = body.take_guest();
      guest.transmission.set(Value::error(prepared.error().clone()));
    }
    co_return Value::error(std::move(prepared.error()));
  }
  prepared->request.length = prepared->length       ? prepared->length
                             : !body.has_contents() ? std::optional<std::uint64_t>(0)
                                                    : std::nullopt;
  auto length = prepared->request.length;

  auto outgoing = std::make_shared<Outgoing>();
  auto& loop = context->http_client->loop();
  outgoing->call = context->http_client->send(std::move(prepared->request), *outgoing);
  spawn(pump(outgoing, std::move(body), length)).run_on();
  auto stop = on_cancel([&loop, outgoing]() noexcept {
    loop.post([outgoing] {
      outgoing->call->cancel();
      outgoing->end(internal_error("the request was cancelled"));
    });
  });
  co_await Outgoing::Done(*outgoing);
  if (is_cancelled()) {
    outgoing->call->cancel();
    co_return fail(Code::cancelled, "sending an HTTP request: cancelled");
  }
  if (outgoing->failure) co_return Value::error(std::move(*outgoing->failure));

  auto& call = *outgoing->call;
  auto response = make_ref<Response>();
  response->status = call.response().status;
  response->headers = make_ref<Fields>();
  response->headers->immutable = true;
  const auto& received = call.response().headers;
  for (std::size_t i = 0; i < received.size(); ++i)
    if (!is_forbidden_field(received[i].name)) response->headers->headers.add(received[i].name, received[i].value);
  // The listener stays as long as the call, which may still be sending.
  std::shared_ptr<void> owner(outgoing, &call);
  response->body = Body(HostBody{&call, std::move(owner), false, call.response_has_body()});
  co_return Value::ok(Value::handle(std::move(response)));
}

Task<Result<Value>> handle(std::shared_ptr<Context> context, HostCall, std::vector<Value> v) {
  co_return co_await send_request(std::move(context), take_object<Request>(v[0]));
}

constexpr AsyncEntry client[] = {{"send", handle}};
constexpr AsyncEntry handler[] = {{"handle", handle}};

}  // namespace

Task<Result<Value>> send_request(std::shared_ptr<Context> context, Ref<Request> request) {
  auto executor = context->executor;
  auto* runtime = context->runtime;
  auto task =
      spawn_detached(send_here(std::move(context), std::move(request)), {.executor = executor, .runtime = runtime});
  auto stop = on_cancel([&]() noexcept { task.cancel(); });
  co_return co_await std::move(task);
}

void add_http_handlers(Imports& imports, std::shared_ptr<Context> context) {
  for (const char* name : {"wasi:http/client@0.3.0", "wasi:http/handler@0.3.0"})
    for (const char* used : {"request", "response"}) imports.interface(name).resource(used);
  add_functions(imports.interface("wasi:http/client@0.3.0"), context, {}, client);
  add_functions(imports.interface("wasi:http/handler@0.3.0"), context, {}, handler);
}

}  // namespace crank::wasi
