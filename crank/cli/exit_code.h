// What the program tells its caller. docs/cli.md repeats this table.
#pragma once

#include "crank/base/result.h"

namespace crank::cli {

enum ExitCode : int {
  exit_success = 0,
  exit_guest_error = 1,  ///< the guest ran and answered an error; wasi:cli/exit sets a code of its own
  exit_usage = 2,        ///< wrong arguments, or input that cannot be used: files, components, imports, addresses
  exit_trap = 3,         ///< a guest trapped
  exit_no_answer = 4,    ///< a deadline passed, or nothing could run any more
};

inline ExitCode exit_code_for(const Error& error) {
  switch (error.code()) {
    case Code::trap:
    case Code::root_dead: return exit_trap;
    case Code::deadline:
    case Code::deadlock:
    case Code::stuck:
    case Code::cancelled: return exit_no_answer;
    default: return exit_usage;
  }
}

/// "crank: <sentence>" and the guest's backtrace, on standard error; answers the exit code.
ExitCode report(const Error& error);

}  // namespace crank::cli
