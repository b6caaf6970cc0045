// The commands of the program, one a file. Each adds its sub-command; what it answers becomes the exit code.
#pragma once

#include <memory>

namespace crank::cli {

/// Option parsing, hidden in the sources.
struct Parser;

/// A sub-command: its options are bound to its members when it is added; run() when it was chosen.
class Command {
 public:
  virtual ~Command() = default;
  virtual int run() = 0;
};

std::unique_ptr<Command> add_serve(Parser& parser);
std::unique_ptr<Command> add_run(Parser& parser);
std::unique_ptr<Command> add_inspect(Parser& parser);

/// The whole program.
int main(int count, char** arguments);

}  // namespace crank::cli
