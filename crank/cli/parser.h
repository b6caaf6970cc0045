// Internal to this layer: CLI11, and the options every command shares.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "crank/cli/commands.h"

namespace crank::cli {

struct Parser {
  CLI::App app;
  std::vector<std::string> rest;  ///< what stands after "--": the guest's
};

/// Adds a sub-command with its sentence and, below its options, examples.
CLI::App* add_command(Parser& parser, const std::string& name, const std::string& sentence, const std::string& footer);

}  // namespace crank::cli
