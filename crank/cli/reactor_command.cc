#include "crank/cli/reactor_command.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/cli/exit_code.h"
#include "crank/engine/module.h"
#include "crank/reactor/http.h"
#include "crank/reactor/reactor.h"

namespace crank::cli {

namespace {

Result<engine::Module> load_module(engine::Engine& engine, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, concat("reading ", path, ": no such file, or it may not be read"));
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  bool text = path.ends_with(".wat");
  if (!text && bytes.size() > 7 && bytes[4] == 0x0d)
    return fail(
        Code::bad_argument,
        concat(path,
               " is a component; --call is for reactors (core modules), --invoke calls an export of a component"));
  auto module = text ? engine::Module::compile_text(
                           engine, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()))
                     : engine::Module::compile(engine, bytes);
  if (!module) return std::unexpected(std::move(module).error().wrap(Code::bad_binary, concat("loading ", path)));
  return module;
}

}  // namespace

Result<int> call_reactor(const ReactorCall& call) {
  CRANK_TRY(auto engine, engine::Engine::create({.interpreted = call.interpreted}));
  CRANK_TRY(auto module, load_module(*engine, call.path));
  Pool pool({.threads = call.threads, .on_blocked = [](unsigned, Duration) {}});
  auto bridges = std::make_shared<reactor::Bridges>();
  bridges->set_http(reactor::make_http_gate({.tls = call.http.tls, .allowed_hosts = call.http.allowed_hosts}));
  reactor::ReactorOptions options{.name = call.path, .bridges = bridges};
  // That the guest ended is the answer of the call, and said there.
  options.log = [ended = concat("reactor ", call.path, " ended: ")](reactor::LogLevel, std::string_view line) {
    if (line.starts_with(ended)) return;
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  CRANK_TRY(auto opened, reactor::Reactor::open(pool.runtime(), engine, module, std::move(options)));
  Result<reactor::Bytes> answer =
      sync_wait(pool, opened->call(call.entry, reactor::to_bytes(call.argument), {.deadline = call.deadline}));
  sync_wait(pool, opened->close());
  if (!answer) return std::unexpected(std::move(answer).error());
  std::fwrite(answer->data(), 1, answer->size(), stdout);
  if (answer->empty() || answer->back() != std::byte{'\n'}) std::fputc('\n', stdout);
  std::fflush(stdout);
  return exit_success;
}

}  // namespace crank::cli
