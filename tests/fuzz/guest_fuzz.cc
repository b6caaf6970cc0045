// The guest's side of the reactor contract under a host that does anything: entries, turns of any budget, resumes with any
// token, status and bytes, cancellations of any id, a clock that jumps. Whatever it does, each task completes at most once,
// no resume but the first is accepted, and when everything has been cancelled and answered nothing is left.
#include <cstdlib>
#include <map>
#include <set>

#include "crank/async/group.h"
#include "crank/async/sleep.h"
#include "crank/guest/host_call.h"
#include "crank/guest/http.h"
#include "tests/reactor/fake_host.h"

namespace crank::guest {
namespace {

[[noreturn]] void broken(const char* law) {
  std::fprintf(stderr, "broken: %s\n", law);
  std::abort();
}

Task<Result<Bytes>> echo(std::span<const std::byte> argument) { co_return Bytes(argument); }
Task<Result<Bytes>> ask(std::span<const std::byte> argument) { co_return co_await host::call("f", argument); }
Task<Result<Bytes>> nap(std::span<const std::byte> argument) {
  std::ignore = co_await sleep_for(std::chrono::nanoseconds(argument.size() * 100));
  co_return Bytes();
}
Task<Result<Bytes>> read_page(std::span<const std::byte> argument) {
  auto page = co_await http::open({.url = as_text(argument)});
  if (!page) co_return std::unexpected(std::move(page).error());
  http::BodyReader body(*page);
  std::size_t together = page->header("length").size() + page->text().size();
  for (;;) {
    auto chunk = co_await body.next();
    if (!chunk) co_return std::unexpected(std::move(chunk).error());
    if (chunk->empty()) co_return Bytes(concat(together));
    together += chunk->size();
  }
}
Task<Result<Bytes>> ask_in_a_group(std::span<const std::byte> argument) {
  std::size_t answered = co_await with_group<bool>([argument](this auto, auto& group) -> Task<std::size_t> {
    for (std::size_t i = 0; i < argument.size() % 4; ++i)
      group.spawn([] -> Task<bool> { co_return (co_await host::call("g")).has_value(); }());
    std::size_t count = 0;
    while (auto answer = co_await group.next()) count += *answer;
    co_return count;
  });
  co_return Bytes(concat(answered));
}
constexpr EntryFunction entries[] = {echo, ask, nap, read_page, ask_in_a_group};

struct Input {
  const std::uint8_t* at;
  const std::uint8_t* end;
  bool empty() const { return at == end; }
  std::uint8_t byte() { return at < end ? *at++ : 0; }
  std::string_view text() {
    std::size_t size = std::min<std::size_t>(byte(), static_cast<std::size_t>(end - at));
    std::string_view bytes(reinterpret_cast<const char*>(at), size);
    at += size;
    return bytes;
  }
};

void play(Input input) {
  FakeHost host;
  Pump pump(host.imports());
  std::vector<std::uint32_t> tasks;
  std::set<std::uint32_t> open;
  auto serve = [&](std::size_t index, Status status, std::string_view text) {
    FakeHost::Request request = host.requests[index];
    host.requests.erase(host.requests.begin() + static_cast<std::ptrdiff_t>(index));
    if (FakeHost::resume(pump, request.token, status, text) != Resumed::accepted)
      broken("an awaited answer was refused");
    if (FakeHost::resume(pump, request.token, Status::ok, "x") != Resumed::twice)
      broken("a second answer was not refused");
  };
  while (!input.empty()) {
    std::uint8_t what = input.byte();
    switch (what % 6) {
      case 0: {
        EntryFunction entry = entries[input.byte() % std::size(entries)];
        if (tasks.size() < 200) tasks.push_back(FakeHost::start(pump, entry, input.text()));
        break;
      }
      case 1: pump.pump(what / 6 % 5); break;
      case 2:
        if (!host.requests.empty()) {
          std::size_t index = input.byte() % host.requests.size();
          auto status = static_cast<Status>(input.byte() % 9);
          serve(index, status, input.text());
        }
        break;
      case 3: {
        std::uint32_t token = input.byte() | input.byte() << 20;
        bool awaited = std::ranges::any_of(host.requests, [&](const auto& request) { return request.token == token; });
        if (!awaited && FakeHost::resume(pump, token, Status::ok, input.text()) == Resumed::accepted)
          broken("a forged answer");
        break;
      }
      case 4: pump.cancel(tasks.empty() ? input.byte() : tasks[input.byte() % tasks.size()]); break;
      default: host.clock += input.byte() * 50; break;
    }
    if (what == 255) pump.describe(0);
  }
  for (std::uint32_t task : tasks) pump.cancel(task);
  do {
    FakeHost::drain(pump, 3);
    host.clock += 100'000;
    if (!host.requests.empty()) serve(0, Status::cancelled, "");
  } while (!host.requests.empty() || pump.pump(0).ready > 0 || pump.deadline() != no_deadline);
  FakeHost::drain(pump);
  for (std::uint32_t task : tasks)
    if (host.completed[task].size() != 1) broken("a task completed not once");
  if (pump.tasks() != 0 || pump.bridges().live() != 0) broken("something is left");
}

}  // namespace
}  // namespace crank::guest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::ignore = crank::guest::http::Response::parse(crank::guest::Bytes(text));
  crank::guest::play({data, data + size});
  return 0;
}
