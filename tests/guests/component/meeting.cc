// Two calls of one instance that meet: foo("wait …") suspends until another call, foo("wake …"), resumes it, and answers with
// what that one brought. The wake crosses from one export task to another (law P9), in whichever order they come.
#include <optional>
#include <string_view>

#include "crank/async/continuation.h"
#include "examples/baz.h"

namespace crank::example {
namespace {

std::optional<Continuation<String>> waiting;
std::optional<String> brought;

Task<String> wait() {
  if (brought) {
    String early = std::move(*brought);
    brought.reset();
    co_return early;
  }
  co_return co_await with_continuation<String>([](Continuation<String> done) { waiting.emplace(std::move(done)); });
}

String copy_of(String& text) {
  String copy;
  append(copy, std::string_view(reinterpret_cast<const char*>(text->ptr), text->len));
  return copy;
}

Task<String> foo(String text) {
  std::string_view said(reinterpret_cast<const char*>(text->ptr), text->len);
  if (said.starts_with("wait")) {
    String other = co_await wait();
    append(text, " met ");
    append(text, std::string_view(reinterpret_cast<const char*>(other->ptr), other->len));
    co_return text;
  }
  if (said.starts_with("wake")) {
    if (waiting) {
      Continuation<String> done = std::move(*waiting);
      waiting.reset();
      done.resume(copy_of(text));
    } else {
      brought.emplace(copy_of(text));
    }
  }
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
