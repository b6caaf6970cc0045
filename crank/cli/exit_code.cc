#include "crank/cli/exit_code.h"

#include <cstdio>

namespace crank::cli {

ExitCode report(const Error& error) {
  std::fprintf(stderr, "crank: %s\n", error.to_string().c_str());
  for (const Error* e = &error; e; e = e->cause())
    if (!e->backtrace().empty()) std::fprintf(stderr, "%s%s", e->backtrace().c_str(), e->backtrace().ends_with('\n') ? "" : "\n");
  return exit_code_for(error);
}

}  // namespace crank::cli
