// The middle of a round trip: its exported `foo` awaits, some calls deep, the imported `foo` of another component, and adds
// its name before and after. Composed with itself it makes a chain of any length; the leaf ends it.
#include "examples/baz.h"

namespace crank::example {
namespace {

// The call into the other component: an ordinary await. When our own caller cancels, the call is cancelled too, and
// whether it returned in spite of that is the other component's to say.
Task<guest::Cancellable<String>> imported_foo(String text) {
  String answer;
  guest::Subtask call(crank_guests_baz_foo(*text, answer.out()));
  if (!co_await call) co_return guest::cancelled;
  co_return answer;
}

Task<guest::Cancellable<String>> there_and_back(String text) {
  append(text, " > round-trip");
  auto answer = co_await imported_foo(std::move(text));
  if (answer) append(*answer, " < round-trip");
  co_return answer;
}

Task<guest::Cancellable<String>> foo(String text) { co_return co_await there_and_back(std::move(text)); }

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
