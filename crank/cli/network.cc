#include "crank/cli/network.h"

#include <fstream>
#include <sstream>

namespace crank::cli {

void Network::add_to(CLI::App& command) {
  command
      .add_option("--allow-host", allowed_,
                  "Guests may send HTTP requests to this host (also *.example.org, HOST:PORT) and to no other that is "
                  "not named; repeatable")
      ->type_name("HOST")
      ->allow_extra_args(false);
  command.add_flag("--no-network", none_, "Guests may send no HTTP requests")->excludes("--allow-host");
  command.add_option("--authority", authority_file_, "Trust the certificate authorities in this PEM file, too")
      ->type_name("FILE");
}

Result<io::HttpClientOptions> Network::client_options() const {
  io::HttpClientOptions options;
  if (none_ || !allowed_.empty()) options.allowed_hosts = allowed_;
  if (!authority_file_.empty()) {
    std::ifstream file(authority_file_);
    if (!file)
      return fail(Code::not_found, concat("reading --authority ", authority_file_, ": the file cannot be opened"));
    std::stringstream text;
    text << file.rdbuf();
    auto context = io::TlsContext::client(text.str());
    if (!context)
      return fail(std::move(context.error()).wrap(Code::bad_argument, concat("reading --authority ", authority_file_)));
    options.tls = *context;
  }
  return options;
}

}  // namespace crank::cli
