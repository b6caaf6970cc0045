// The options that say what guests may reach over the network. Users don't read this.
#pragma once

#include <string>
#include <vector>

#include "crank/base/result.h"
#include "crank/cli/parser.h"
#include "crank/io/http_client.h"

namespace crank::cli {

class Network {
 public:
  void add_to(CLI::App& command);
  Result<io::HttpClientOptions> client_options() const;

 private:
  std::vector<std::string> allowed_;
  std::string authority_file_;
  bool none_ = false;
};

}  // namespace crank::cli
