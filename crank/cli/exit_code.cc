#include "crank/cli/exit_code.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace crank::cli {

namespace {
constexpr int most_frames = 12;  // a stack that overflowed has thousands

// The library cannot know that a person typed a command; what to do about these is the same whatever was found.
const char* what_to_do(const Error& error) {
  switch (error.code()) {
    case Code::missing_import:
      return "; name a component that exports it by --plug ('crank inspect' shows what else is missing)";
    case Code::bad_binary: return "; the file is damaged or no component: build it or fetch it again";
    default: return "";
  }
}

}  // namespace

ExitCode report(const Error& error) {
  std::fprintf(stderr, "crank: %s%s\n", error.to_string().c_str(), what_to_do(error));
  const Error* with_frames = &error;
  while (with_frames && with_frames->backtrace().empty()) with_frames = with_frames->cause();
  std::string_view frames = with_frames ? std::string_view(with_frames->backtrace()) : std::string_view();
  for (int n = 0; !frames.empty(); ++n) {
    const auto end = std::min(frames.find('\n'), frames.size());
    if (n == most_frames) {
      std::fprintf(stderr, "  ...\n");
      break;
    }
    std::fprintf(stderr, "  %.*s\n", static_cast<int>(end), frames.data());
    frames.remove_prefix(std::min(end + 1, frames.size()));
  }
  return exit_code_for(error);
}

}  // namespace crank::cli
