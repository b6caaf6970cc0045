#include "crank/cli/exit_code.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace crank::cli {

namespace {
constexpr int most_frames = 12;  // a stack that overflowed has thousands
}  // namespace

ExitCode report(const Error& error) {
  std::fprintf(stderr, "crank: %s\n", error.to_string().c_str());
  if (error.code() == Code::missing_import)
    std::fprintf(stderr, "Name a component that exports it by --plug; 'crank inspect' shows what else is missing.\n");
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
