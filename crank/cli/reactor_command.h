// crank run --call: one entry of a reactor (a bare core module of docs/reactor-abi.md), pumped to its answer.
#pragma once

#include <optional>
#include <string>

#include "crank/async/timer_queue.h"
#include "crank/base/result.h"
#include "crank/io/http_client.h"

namespace crank::cli {

struct ReactorCall {
  std::string path, entry, argument;
  bool interpreted = false;
  Duration deadline{};  ///< zero: none
  unsigned threads = 0;
  io::HttpClientOptions http;  ///< tls and allowed_hosts are the guest's network
};

/// Prints the answer's bytes; the guest's log goes to the error stream. What the process ends with, or why nothing ran.
Result<int> call_reactor(const ReactorCall& call);

}  // namespace crank::cli
