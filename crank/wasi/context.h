// What WASI functions need from their surroundings: what a guest is told (environment), what it may reach (network,
// standard streams), and where the host's own work for it runs. One for each worker, shared by the roots living there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crank/async/executor.h"
#include "crank/async/runtime.h"
#include "crank/component/host.h"

namespace crank::io {
class HttpClient;
class EventLoop;
}  // namespace crank::io

namespace crank::wasi {

class StandardInput;

struct Context {
  /// wasi:cli/environment
  std::vector<std::pair<std::string, std::string>> variables;
  std::vector<std::string> arguments;
  std::optional<std::string> initial_directory;

  /// wasi:cli/stdout, stderr: descriptors that outlive the roots; -1: what is written is thrown away.
  int stdout_descriptor = 1;
  int stderr_descriptor = 2;
  /// wasi:cli/stdin; null: always at its end.
  std::shared_ptr<StandardInput> standard_input;

  /// wasi:http/client and an unfilled handler import; null: every request is denied.
  io::HttpClient* http_client = nullptr;
  /// Where tasks run that pump bodies: an executor on which `http_client` and the exchanges may be used.
  ExecutorRef executor;
  /// The runtime of that executor; null: the one of the calling guest's turn.
  Runtime* runtime = nullptr;

  /// Set by wasi:cli/exit; the call that made it ends with Code::cancelled.
  std::atomic<int> exit_code{-1};
};

/// Everything below crank/wasi, for guests whose context is `context` (kept alive by the functions).
void add_all(component::Imports& imports, std::shared_ptr<Context> context);

// One a package; each registers its interfaces at version 0.3.0 from a table.
void add_clocks(component::Imports& imports, std::shared_ptr<Context> context);
void add_random(component::Imports& imports, std::shared_ptr<Context> context);
void add_cli_environment(component::Imports& imports, std::shared_ptr<Context> context);
void add_cli_exit(component::Imports& imports, std::shared_ptr<Context> context);
void add_cli_streams(component::Imports& imports, std::shared_ptr<Context> context);
void add_cli_terminals(component::Imports& imports, std::shared_ptr<Context> context);
void add_http_types(component::Imports& imports, std::shared_ptr<Context> context);
void add_http_handlers(component::Imports& imports, std::shared_ptr<Context> context);

}  // namespace crank::wasi
