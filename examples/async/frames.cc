// What an async function is: a frame that keeps what lives across an await, linked to the frame that awaits it. `frames sizes`
// prints how many bytes that is, which depends on the compiler and its options.
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

#include "crank/async/backtrace.h"
#include "crank/async/continuation.h"
#include "crank/async/manual_executor.h"

using Hold = std::optional<crank::Continuation<int>>;

struct Inside {
  const void* title;
  std::size_t bytes;
} inside;

crank::Task<int> words(const char* page, Hold& answer) {
  std::size_t dot = std::strcspn(page, ".");  // not needed after the await: not kept
  std::string title(page, dot);               // lives across it: kept in the frame
  inside = {&title, __builtin_coro_size()};
  int count = co_await crank::with_continuation<int>([&](auto done) { answer.emplace(std::move(done)); });
  co_return count + static_cast<int>(title.size());
}

crank::Task<> front_page(Hold& answer) {
  int count = co_await words("example.org", answer);
  std::printf("went on with %d\n", count);
}

int main(int count, char** arguments) {
  Hold answer;
  crank::ManualExecutor manual;
  auto task = crank::spawn(front_page(answer), {.runtime = &manual.runtime()});
  manual.run();
  auto frames = crank::async_backtrace(task.task());
  for (const crank::AsyncFrame& frame : frames)
    std::printf("%s, suspended at line %u\n", frame.resume_point.function_name(), frame.resume_point.line());
  auto offset = static_cast<const char*>(inside.title) - static_cast<const char*>(frames.front().address);
  bool kept = offset > 0 && offset < static_cast<std::ptrdiff_t>(inside.bytes);
  std::printf("the title is %s\n", kept ? "in the first frame" : "somewhere else");
  if (count > 1 && std::strcmp(arguments[1], "sizes") == 0)
    std::printf("%zu bytes, the title %td from its beginning\n%s", inside.bytes, offset, to_string(frames).c_str());
  answer->resume(1);
  manual.run();
}
