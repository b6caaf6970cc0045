// The end of a round trip: waits ten milliseconds by the host's clock, then answers with its name added. A caller that loses
// interest meanwhile cancels, and gets its answer at once: none.
#include <chrono>

#include "crank/async/sleep.h"
#include "examples/baz.h"

namespace crank::example {
namespace {

Task<guest::Cancellable<String>> foo(String text) {
  if (co_await sleep_for(std::chrono::milliseconds(10)) == SleepOutcome::cancelled) co_return guest::cancelled;
  append(text, " > leaf");
  co_return text;
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
