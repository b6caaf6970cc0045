// The program: which command, its help, its exit code.
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>

#include "crank/cli/commands.h"
#include "crank/cli/exit_code.h"
#include "crank/cli/parser.h"

namespace crank::cli {
namespace {

constexpr const char* overview =
    "Hosts WebAssembly components: composes them at run time, runs them, serves HTTP with them.\n";
constexpr const char* footer =
    "\nExamples:\n"
    "  crank serve middleware.wasm --plug service.wasm\n"
    "  crank run round_trip.wasm --plug leaf.wasm --invoke 'foo(\"hi\")'\n"
    "  crank inspect middleware.wasm --plug service.wasm\n"
    "\nExit codes:\n"
    "  0  success\n"
    "  1  the guest answered an error (a guest that exits with a code sets it)\n"
    "  2  wrong arguments, or input that cannot be used\n"
    "  3  a guest trapped\n"
    "  4  no answer: a deadline passed, or nothing could run any more\n";

}  // namespace

CLI::App* add_command(Parser& parser, const std::string& name, const std::string& sentence, const std::string& text) {
  auto* command = parser.app.add_subcommand(name, sentence);
  command->footer(text);
  command->get_formatter()->column_width(36);
  return command;
}

int main(int count, char** arguments) {
  // A peer or pipe that goes away is an error where it is written to, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  Parser parser{CLI::App(overview, "crank")};
  parser.app.require_subcommand(1);
  parser.app.footer(footer);
  parser.app.set_version_flag("--version", "crank 0.1.0");
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) != "--") continue;
    parser.rest.assign(arguments + i + 1, arguments + count);
    count = i;
  }
  std::unique_ptr<Command> commands[] = {add_serve(parser), add_run(parser), add_inspect(parser)};
  try {
    parser.app.parse(count, arguments);
  } catch (const CLI::Success& help) {
    return parser.app.exit(help);
  } catch (const CLI::ParseError& error) {
    const auto chosen = parser.app.get_subcommands();
    const std::string first = count > 1 ? arguments[1] : "";
    if (chosen.empty() && !first.empty() && first.front() != '-')
      std::fprintf(stderr, "crank: there is no command '%s'\n", first.c_str());
    else if (chosen.empty() && first.empty())
      std::fprintf(stderr, "crank: name a command: serve, run or inspect\n");
    else
      std::fprintf(stderr, "crank%s%s: %s\n", chosen.empty() ? "" : " ",
                   chosen.empty() ? "" : chosen[0]->get_name().c_str(), error.what());
    std::fprintf(stderr, "Try 'crank --help', or 'crank COMMAND --help'.\n");
    return exit_usage;
  }
  const auto& all = parser.app.get_subcommands([](CLI::App*) { return true; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i]->parsed()) continue;
    try {
      return commands[i]->run();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "crank: %s\n", error.what());
      return exit_usage;
    }
  }
  return exit_usage;
}

}  // namespace crank::cli
