// The analytics SDK as a reactor: the same source a program compiles natively, shipped as a module, its network the host's.
//
//     configure      {"endpoint": "https://…", "batch": 20, "max_age_ms": 5000, "capacity": 1000, "backoff_ms": 200,
//                     "backoff_cap_ms": 30000, "seed": 1}
//     run            sends what is due until it is cancelled
//     track          "name value": buffers an event, answers its id
//     flush          ends when all that was tracked before is gone
//     online         "0" or "1"
//     statistics     one line
//     fetch_report   an address: fetches a report, a JSON text, and answers it in a line
#include <charconv>
#include <memory>
#include <optional>

#include "crank/async/or_return.h"
#include "crank/base/text.h"
#include "crank/guest/entry.h"
#include "crank/guest/http.h"
#include "crank/guest/module_state.h"
#include "examples/analytics/json.h"
#include "examples/analytics/sdk.h"

namespace analytics {
namespace {

using crank::Code;
using crank::concat;
using crank::fail;
using crank::or_return;
using crank::Result;
using crank::Task;
using crank::guest::as_text;
using crank::guest::Bytes;
using Argument = std::span<const std::byte>;
namespace http = crank::guest::http;

/// POST of each batch to one address, by the host.
class HttpTransport final : public Transport {
 public:
  std::string endpoint;

  Task<Result<>> deliver(std::string batch) override {
    http::Header headers[] = {{"content-type", "application/json"}};
    http::Response answer = co_await or_return(co_await http::send(
        {.method = "POST", .url = endpoint, .headers = headers, .body = std::as_bytes(std::span(batch))}));
    int code = answer.code();
    if (code >= 200 && code < 300) co_return Result<>();
    bool later = code == 408 || code == 429 || code >= 500;
    co_return fail(later ? Code::io : Code::bad_argument, concat("the collector answered ", code));
  }
};

struct Module {
  HttpTransport transport;
  std::optional<crank::ActorRef<Sdk>> sdk;
};

// The SDK of this instance, or the error that there is none yet.
Result<crank::ActorRef<Sdk>> sdk() {
  auto& module = crank::guest::module_state<Module>();
  if (!module.sdk) return fail(Code::bad_state, "analytics: `configure` comes first");
  return *module.sdk;
}

void read_duration(const json::Value& value, crank::Duration& into) {
  if (value.kind() == json::Value::Kind::number)
    into = std::chrono::milliseconds(static_cast<std::int64_t>(value.number()));
}
template <class T>
void read_count(const json::Value& value, T& into) {
  if (value.kind() == json::Value::Kind::number && value.number() >= 1) into = static_cast<T>(value.number());
}

}  // namespace
}  // namespace analytics

using namespace analytics;

CRANK_ENTRY(configure)(Argument argument)->Task<Result<Bytes>> {
  json::Value given = co_await or_return(json::parse(as_text(argument)));
  auto& module = crank::guest::module_state<Module>();
  if (module.sdk) co_return fail(Code::bad_state, "analytics: it is configured already");
  if (given["endpoint"].text().empty())
    co_return fail(Code::bad_argument, "analytics: the configuration has no endpoint");
  Options options;
  read_count(given["batch"], options.pace.batch);
  read_count(given["capacity"], options.capacity);
  read_count(given["seed"], options.pace.seed);
  read_duration(given["max_age_ms"], options.pace.max_age);
  read_duration(given["backoff_ms"], options.pace.backoff);
  read_duration(given["backoff_cap_ms"], options.pace.backoff_cap);
  module.transport.endpoint = given["endpoint"].text();
  module.sdk = crank::make_actor<Sdk>(options, module.transport);
  co_return Bytes();
}

CRANK_ENTRY(run)(Argument)->Task<Result<Bytes>> {
  auto self = co_await or_return(sdk());
  co_await self.call(&Sdk::run);
  co_return fail(Code::cancelled, "analytics: it was asked to stop; what is buffered stays");
}

CRANK_ENTRY(track)(Argument argument)->Task<Result<Bytes>> {
  auto self = co_await or_return(sdk());
  std::string_view text = as_text(argument), number = text.substr(std::min(text.size(), text.rfind(' ') + 1));
  std::int64_t value = 0;
  auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (number.size() == text.size() || problem != std::errc() || end != number.data() + number.size())
    co_return fail(Code::bad_argument, "analytics: track wants a name, a space, and a whole number");
  std::uint64_t id =
      co_await self.call(&Sdk::track, std::string(text.substr(0, text.size() - number.size() - 1)), value);
  co_return Bytes(concat(id));
}

CRANK_ENTRY(flush)(Argument)->Task<Result<Bytes>> {
  auto self = co_await or_return(sdk());
  co_await or_return(co_await self.call(&Sdk::flush));
  co_return Bytes();
}

CRANK_ENTRY(online)(Argument argument)->Task<Result<Bytes>> {
  auto self = co_await or_return(sdk());
  co_await self.call(&Sdk::set_online, as_text(argument) != "0");
  co_return Bytes();
}

CRANK_ENTRY(statistics)(Argument)->Task<Result<Bytes>> {
  auto self = co_await or_return(sdk());
  Statistics all = co_await self.call(&Sdk::statistics);
  co_return Bytes(concat("tracked ", all.tracked, ", delivered ", all.delivered, ", refused ", all.refused,
                         ", dropped ", all.dropped, ", buffered ", all.buffered, ", attempts ", all.attempts));
}

// {"title": "…", "events": [{"name": "…", "count": n}, …]} becomes "title: name n, name n; together n".
CRANK_ENTRY(fetch_report)(Argument argument)->Task<Result<Bytes>> {
  http::Response page = co_await or_return(co_await http::get(as_text(argument)));
  if (page.code() != 200) co_return fail(Code::io, concat("analytics: the report's server answered ", page.code()));
  json::Value report = co_await or_return(json::parse(page.text()));
  std::string line(report["title"].text());
  std::int64_t together = 0;
  const char* before = ": ";
  for (const json::Value& event : report["events"].items()) {
    auto count = static_cast<std::int64_t>(event["count"].number());
    line.append(concat(std::exchange(before, ", "), event["name"].text(), " ", count));
    together += count;
  }
  co_return Bytes(line.append(concat("; together ", together)));
}
