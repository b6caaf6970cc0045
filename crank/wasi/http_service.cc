#include "crank/wasi/http_service.h"

#include "crank/async/cancellation.h"
#include "crank/async/spawn.h"
#include "crank/wasi/http_error.h"
#include "crank/wasi/http_message.h"
#include "crank/wasi/http_pump.h"
#include "crank/wasi/http_syntax.h"

namespace crank::wasi {

using namespace component;

namespace {

Ref<Request> request_of(std::shared_ptr<io::Exchange> exchange) {
  const auto& head = exchange->request();
  auto request = make_ref<Request>();
  request->method = head.method;
  request->scheme.emplace().kind = exchange->is_tls() ? Scheme::https : Scheme::http;
  request->headers = make_ref<Fields>();
  request->headers->immutable = true;
  for (std::size_t i = 0; i < head.headers.size(); ++i) {
    const auto [name, value] = head.headers[i];
    if (io::same_name(name, "host")) request->authority = value;
    if (!is_forbidden_field(name)) request->headers->headers.add(name, value);
  }
  std::string_view target = head.target;
  // Absolute form, as sent to proxies: its authority wins over Host (RFC 9112 section 3.2.2).
  if (const auto scheme = target.find("://"); scheme != target.npos && target.front() != '/') {
    const auto rest = target.substr(scheme + 3);
    const auto path = std::min(rest.find_first_of("/?"), rest.size());
    request->authority = rest.substr(0, path);
    target = rest.substr(path);
  }
  request->path_with_query = target.empty() ? "/" : target;
  const bool has_body = exchange->request_has_body();
  auto* source = exchange.get();
  request->body = Body(HostBody{source, std::move(exchange), true, has_body});
  return request;
}

std::uint16_t status_for(const Error& why) {
  switch (why.code()) {
    case Code::deadline: return 504;
    case Code::limit: return 503;
    default: return 500;
  }
}

std::string_view text_for(std::uint16_t status) {
  switch (status) {
    case 503: return "the service has no room for this request now\n";
    case 504: return "the service did not answer in time\n";
    case 502: return "the service could not reach what it needs\n";
    default: return "the service failed\n";
  }
}

}  // namespace

HttpService::HttpService(std::shared_ptr<Composition> app, Function handle, std::shared_ptr<Context> context,
                         Options options)
    : app_(std::move(app)), handle_(std::move(handle)), context_(std::move(context)), options_(std::move(options)) {}

Result<std::shared_ptr<HttpService>> HttpService::make(std::shared_ptr<Composition> app,
                                                       std::shared_ptr<Context> context, Options options) {
  CRANK_TRY(auto handle, app->function("wasi:http/handler@0.3.0#handle"));
  return std::shared_ptr<HttpService>(
      new HttpService(std::move(app), std::move(handle), std::move(context), std::move(options)));
}

void HttpService::on_request(std::shared_ptr<io::Exchange> exchange) {
  spawn_detached(serve(shared_from_this(), std::move(exchange)),
                 {.name = "request", .executor = context_->executor, .runtime = context_->runtime})
      .run_on();
}

void HttpService::on_complete(const io::ExchangeRecord& record) {
  if (options_.on_complete) options_.on_complete(record);
}

void HttpService::refuse(io::Exchange& exchange, std::uint16_t status, const std::string& why) {
  if (options_.on_error)
    options_.on_error(
        concat(exchange.request().method, " ", exchange.request().target, ": ", one_line(why), "; answered ", status));
  exchange.respond(status, text_for(status));
}

Task<> HttpService::serve(std::shared_ptr<HttpService> self, std::shared_ptr<io::Exchange> exchange) {
  if (exchange->over()) co_return;
  // The exchange calls back on this task's own thread and forgets the callback with its end, which this task outlives
  // or, at the latest, takes back itself.
  TaskRecord* task = current_task();
  exchange->on_gone([task](const Error&) { task->cancel(); });
  struct TakeBack {
    io::Exchange& exchange;
    ~TakeBack() { exchange.on_gone(nullptr); }
  } take_back{*exchange};

  const auto began = std::chrono::steady_clock::now();
  auto answer =
      co_await self->app_->call(self->handle_, values(Value::handle(request_of(exchange))),
                                {.timeout = self->options_.request_timeout, .grace = self->options_.cancel_grace});
  if (is_cancelled() || exchange->over()) co_return;  // nobody is there to be answered
  if (!answer) {
    // However it was ended: what took its whole time did not answer in time.
    const bool late = std::chrono::steady_clock::now() - began >= self->options_.request_timeout;
    co_return self->refuse(*exchange, late ? 504 : status_for(answer.error()), answer.error().to_string());
  }
  if (answer->case_index() == 1) {
    const Value& code = answer->payload();
    co_return self->refuse(*exchange, wasi::status_for(code),
                           concat("the handler answered the error ", describe_error_code(code)));
  }
  auto handle = answer->payload().take_handle();
  auto& response = static_cast<Response&>(*handle);
  const auto& headers = response.headers->headers;
  std::optional<std::uint64_t> length;
  if (auto given = headers.find("content-length"); given.data()) {
    const auto parsed = io::parse_length(given);
    if (parsed < 0)
      co_return self->refuse(*exchange, 500, concat("the handler's content-length '", given, "' is no length"));
    length = static_cast<std::uint64_t>(parsed);
  } else if (!response.body.has_contents()) {
    length = 0;
  }
  if (auto sent = exchange->send_head(response.status, headers, length); !sent)
    co_return self->refuse(*exchange, 500, sent.error().message());
  // What HEAD, 204 and 304 promise is not sent, so it need not be there.
  const bool bodiless = exchange->request().method == "HEAD" || response.status == 204 || response.status == 304;
  auto failure = co_await send_body(std::move(response.body), *exchange, bodiless ? std::nullopt : length, false);
  if (failure && !is_cancelled() && self->options_.on_error)
    self->options_.on_error(concat(exchange->request().method, " ", exchange->request().target,
                                   ": the response's body was broken off: ", one_line(describe_error_code(*failure))));
}

}  // namespace crank::wasi
