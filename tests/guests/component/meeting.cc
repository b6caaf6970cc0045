// Two calls of one instance that meet: foo("wait …") suspends until another call, foo("wake …"), resumes it, and answers with
// what that one brought. The wake crosses from one export task to another (law P9), in whichever order they come.
// foo("count …") and foo("wait … count") also add one to a counter: an actor of the instance, made by whichever call came
// first and used by calls that outlive that one. They answer its total.
#include <optional>
#include <string_view>

#include "crank/async/actor.h"
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

class Counter : public Actor {
 public:
  Task<int> add_one() { co_return ++total_; }

 private:
  int total_ = 0;
};

// By a spawned task, so that the idle actor is woken and not only entered.
Task<> count(String& text) {
  static std::optional<ActorRef<Counter>> counter;
  if (!counter) counter.emplace(make_actor<Counter>());
  int total = co_await spawn(counter->call(&Counter::add_one));
  char digit = static_cast<char>('0' + total);
  append(text, " total ");
  append(text, {&digit, 1});
}

String copy_of(String& text) {
  String copy;
  append(copy, std::string_view(reinterpret_cast<const char*>(text->ptr), text->len));
  return copy;
}

Task<String> foo(String text) {
  std::string_view said(reinterpret_cast<const char*>(text->ptr), text->len);
  if (said.starts_with("wait")) {
    bool counts = said.ends_with("count");
    String other = co_await wait();
    append(text, " met ");
    append(text, std::string_view(reinterpret_cast<const char*>(other->ptr), other->len));
    if (counts) co_await count(text);
    co_return text;
  }
  if (said.starts_with("count")) co_await count(text);
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
