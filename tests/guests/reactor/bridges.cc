// Every bridge from inside a guest, an entry each, for the tests of hosts: what is asked for is in the argument, what came
// back is in the answer.
#include <charconv>
#include <string>
#include <vector>

#include "crank/async/continuation.h"
#include "crank/async/sleep.h"
#include "crank/guest/entry.h"
#include "crank/guest/host_call.h"
#include "crank/guest/http.h"

using namespace crank;
using namespace crank::guest;

namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t bodies_run = 0;  // outside of pump turns nothing may change it
std::uint64_t cancellations = 0;

}  // namespace

// The argument, unchanged.
CRANK_ENTRY(echo)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  ++bodies_run;
  co_return Bytes(argument);
}

// How many bodies of `echo` have begun to run.
CRANK_ENTRY(bodies)(std::span<const std::byte>)->Task<Result<Bytes>> { co_return Bytes(concat(bodies_run)); }

// "name argument": what the embedder's function answers.
CRANK_ENTRY(call)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  std::string_view text = as_text(argument);
  std::size_t space = text.find(' ');
  co_return co_await host::call(text.substr(0, space),
                                space == text.npos ? std::string_view() : text.substr(space + 1));
}

// Calls "count" N times, one after the other; the answers are numbers, and their sum is the answer.
CRANK_ENTRY(call_many)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  std::uint64_t sum = 0;
  for (std::uint64_t left = number(as_text(argument)); left > 0; --left) {
    Result<Bytes> answer = co_await host::call("count");
    if (!answer) co_return std::unexpected(std::move(answer).error());
    sum += number(answer->text());
  }
  co_return Bytes(concat(sum));
}

namespace {
Task<std::uint64_t> ask_for(std::uint64_t index) {
  Result<Bytes> answer = co_await host::call("count", concat(index));
  co_return answer ? number(answer->text()) : 0;
}
}  // namespace

// The same with all N in flight at once.
CRANK_ENTRY(call_at_once)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  std::vector<TaskHandle<std::uint64_t>> asked;
  std::uint64_t sum = 0, count = number(as_text(argument));
  for (std::uint64_t i = 0; i < count; ++i) asked.push_back(spawn(ask_for(i)));
  for (TaskHandle<std::uint64_t>& handle : asked) sum += co_await std::move(handle);
  co_return Bytes(concat(sum));
}

// GET of the address: "code type: body".
CRANK_ENTRY(fetch)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  Result<http::Response> page = co_await http::get(as_text(argument));
  if (!page) co_return std::unexpected(std::move(page).error());
  co_return Bytes(concat(page->code(), " ", page->header("content-type"), ": ", page->text()));
}

// GET of the address with a field of the guest's own, "address name value": "code: body".
CRANK_ENTRY(fetch_with)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  std::string_view text = as_text(argument);
  std::size_t space = text.find(' '), next = text.find(' ', space + 1);
  if (next == text.npos) co_return fail(Code::bad_argument, "fetch_with wants an address, a name, and a value");
  http::Header headers[] = {{text.substr(space + 1, next - space - 1), text.substr(next + 1)}};
  Result<http::Response> page =
      co_await http::send({.method = "GET", .url = text.substr(0, space), .headers = headers});
  if (!page) co_return std::unexpected(std::move(page).error());
  co_return Bytes(concat(page->code(), ": ", page->text()));
}

// Begins to read the address in chunks, and leaves after the first: its size.
CRANK_ENTRY(fetch_first_chunk)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  Result<http::Response> page = co_await http::open({.url = as_text(argument)});
  if (!page) co_return std::unexpected(std::move(page).error());
  http::BodyReader body(*page);
  Result<Bytes> chunk = co_await body.next();
  if (!chunk) co_return std::unexpected(std::move(chunk).error());
  co_return Bytes(concat(chunk->size()));
}

// GET of the address in chunks: "code: chunks of together bytes".
CRANK_ENTRY(fetch_chunks)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  Result<http::Response> page = co_await http::open({.url = as_text(argument)});
  if (!page) co_return std::unexpected(std::move(page).error());
  http::BodyReader body(*page);
  std::uint64_t chunks = 0, together = 0;
  for (;;) {
    Result<Bytes> chunk = co_await body.next();
    if (!chunk) co_return std::unexpected(std::move(chunk).error());
    if (chunk->empty()) break;
    ++chunks;
    together += chunk->size();
  }
  co_return Bytes(concat(page->code(), ": ", chunks, " chunks, ", together, " bytes"));
}

// POST of "address body".
CRANK_ENTRY(post)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  std::string_view text = as_text(argument);
  std::size_t space = text.find(' ');
  if (space == text.npos) co_return fail(Code::bad_argument, "post wants an address, a space, and a body");
  http::Header headers[] = {{"content-type", "text/plain"}};
  Result<http::Response> page = co_await http::send(
      {.method = "POST", .url = text.substr(0, space), .headers = headers, .body = argument.subspan(space + 1)});
  if (!page) co_return std::unexpected(std::move(page).error());
  co_return Bytes(concat(page->code(), " ", page->text()));
}

// Sleeps that many nanoseconds of the host's clock.
CRANK_ENTRY(nap)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  SleepOutcome outcome = co_await sleep_for(std::chrono::nanoseconds(number(as_text(argument))));
  if (outcome == SleepOutcome::cancelled) co_return fail(Code::cancelled, "the nap was cut short");
  co_return Bytes("rested");
}

// A line for the host's log.
CRANK_ENTRY(say)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  guest::log(LogLevel::information, as_text(argument));
  co_return Bytes();
}

// Waits for what never comes, and says how many tasks were told to stop.
CRANK_ENTRY(wait_for_ever)(std::span<const std::byte>)->Task<Result<Bytes>> {
  co_await with_unsafe_continuation<>([](UnsafeContinuation<>) {});
  co_return Bytes();
}

// Waits for the host; a handler, which is user code, runs when it is cancelled.
CRANK_ENTRY(notice_cancel)(std::span<const std::byte>)->Task<Result<Bytes>> {
  auto stop = on_cancel([] noexcept { ++cancellations; });
  Result<Bytes> answer = co_await host::call("never");
  if (answer) co_return Bytes("answered");
  co_return fail(answer.error().code(), concat("handlers run: ", cancellations));
}

// Runs without a suspension for as many steps as the argument says: a turn that overstays.
CRANK_ENTRY(burn)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  std::uint32_t state = 1;
  for (std::uint64_t left = number(as_text(argument)); left > 0; --left) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
  }
  co_return Bytes(concat(state));
}

// Asks the host for "began", and then computes in one job, without a suspension, until the host's clock has moved on by that many
// nanoseconds: it never ends unless the host goes on beside it.
CRANK_ENTRY(burn_until)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  Result<Bytes> began = co_await host::call("began");
  if (!began) co_return std::unexpected(std::move(began).error());
  const Runtime& runtime = *current_runtime();
  Instant end = runtime.now() + std::chrono::nanoseconds(number(as_text(argument)));
  std::uint32_t state = 1;
  while (runtime.now() < end) {
    for (int i = 0; i < 1000; ++i) state = state * 1664525 + 1013904223;
    asm volatile("" : "+r"(state));
  }
  co_return Bytes("burned in one job");
}

namespace {
[[gnu::noinline]] void fall_over(std::string_view why) {
  guest::log(LogLevel::error, why);
  __builtin_trap();
}
}  // namespace

// Traps, after an await, so that the backtrace is that of a resumed task.
CRANK_ENTRY(crash)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  if (co_await sleep_for(std::chrono::nanoseconds(0)) == SleepOutcome::elapsed) fall_over(as_text(argument));
  co_return Bytes();
}

// Takes that many bytes of memory and keeps them.
CRANK_ENTRY(hoard)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  void* kept = std::malloc(number(as_text(argument)));
  if (!kept) co_return fail(Code::limit, "no memory");
  std::memset(kept, 1, number(as_text(argument)));
  asm volatile("" : : "r"(kept) : "memory");  // or the compiler sees that nobody looks
  co_return Bytes("kept");
}
