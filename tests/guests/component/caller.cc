// Calls the imported foo in the ways a caller can; which one, its own argument says.
//
//     foo("meet")      foo("wait here") and foo("wake it") under way at once; both answers, joined
//     foo("count")     a call that waits and then counts, while another counts and ends, and wakes it
//     foo("cancel")    gives the imported foo a millisecond, then cancels it: "cancelled", or what it answered in spite
//     foo("many")      64 imported calls under way at once; how many answered
//     foo("later")     answers at once, and calls foo("later on") after its own answer
//     else             passes it on
#include <chrono>
#include <string_view>

#include "crank/async/group.h"
#include "crank/async/timeout.h"
#include "examples/baz.h"

namespace crank::example {
namespace {

using namespace std::chrono_literals;

std::string_view view(String& text) { return {reinterpret_cast<const char*>(text->ptr), text->len}; }

String make(std::string_view text) {
  String made;
  append(made, text);
  return made;
}

Task<guest::Cancellable<String>> imported(String text) {
  String answer;
  guest::Subtask call(crank_guests_baz_foo(*text, answer.out()));
  if (!co_await call) co_return guest::cancelled;
  co_return answer;
}

Task<String> meet() {
  String wait = make("wait here"), wake = make("wake it"), first, second;
  guest::Subtask waiting(crank_guests_baz_foo(*wait, first.out()));
  guest::Subtask waking(crank_guests_baz_foo(*wake, second.out()));
  bool both = co_await waiting;
  both = co_await waking && both;
  if (!both) co_return make("cancelled");
  append(first, "; ");
  append(first, view(second));
  co_return first;
}

Task<String> count() {
  String wait = make("wait and count"), first;
  guest::Subtask waiting(crank_guests_baz_foo(*wait, first.out()));
  auto second = co_await imported(make("count"));
  auto third = co_await imported(make("wake"));
  if (!co_await waiting || !second || !third) co_return make("cancelled");
  append(first, "; ");
  append(first, view(*second));
  co_return first;
}

Task<String> cancel() {
  auto answer = co_await with_timeout(1ms, imported(make("slow")));
  co_return make(answer ? "answered in time" : "cancelled");
}

Task<bool> one() { co_return (co_await imported(make("x"))).has_value(); }

Task<String> many() {
  int answered = co_await with_group<bool>([](this auto, auto& group) -> Task<int> {
    for (int i = 0; i < 64; ++i) group.spawn(one());
    int count = 0;
    while (auto fine = co_await group.next()) count += *fine;
    co_return count;
  });
  co_return make(answered == 64 ? "64 answered" : "some did not answer");
}

Task<> later() { (void)co_await imported(make("later on")); }

Task<String> foo(String text) {
  auto said = view(text);
  if (said == "meet") co_return co_await meet();
  if (said == "count") co_return co_await count();
  if (said == "cancel") co_return co_await cancel();
  if (said == "many") co_return co_await many();
  if (said == "later") {
    spawn(later()).run_on();
    co_return make("answered first");
  }
  auto answer = co_await imported(std::move(text));
  if (!answer) co_return make("cancelled");
  co_return std::move(*answer);
}

}  // namespace
}  // namespace crank::example

std::uint32_t exports_crank_guests_baz_foo(round_trip_string_t* text) {
  using crank::example::String;
  return crank::guest::begin_export(crank::example::foo(String(*text)),
                                    [](String& answer) { exports_crank_guests_baz_foo_return(*answer); });
}
std::uint32_t exports_crank_guests_baz_foo_callback(round_trip_event_t* event) {
  return crank::guest::resume_export(*event);
}
