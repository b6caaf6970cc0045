// crank serve: components behind HTTP.
//
//   each worker: event loop, connections, one composition (roots of every part), one HttpService, one HTTP client
// so that a request is read, handled and answered on one thread; only long turns of guests move (DESIGN, C3).
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/cli/exit_code.h"
#include "crank/cli/load.h"
#include "crank/cli/network.h"
#include "crank/cli/parser.h"
#include "crank/cli/stop_signal.h"
#include "crank/io/http_client.h"
#include "crank/io/loop_parker.h"
#include "crank/wasi/http_service.h"

namespace crank::cli {
namespace {

// " (at a, in b, in c)": the guest's innermost frames.
std::string frames_of(const Error& error) {
  const Error* at = &error;
  while (at && at->backtrace().empty()) at = at->cause();
  if (!at) return {};
  std::string out;
  std::string_view rest = at->backtrace();
  for (int n = 0; n < 4 && !rest.empty(); ++n) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    out += concat(out.empty() ? " (at " : ", in ", line.substr(0, line.find(" +")));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out.empty() ? out : out + ")";
}

struct Worker {
  Worker(Pool& pool, unsigned index) : executor(pool, index) {}
  io::WorkerExecutor executor;
  std::unique_ptr<io::HttpClient> client;
  std::shared_ptr<component::Composition> app;
  std::shared_ptr<wasi::HttpService> service;
};

class Serve final : public Command {
 public:
  explicit Serve(Parser& parser) {
    auto* command =
        add_command(parser, "serve", "Serve HTTP with a component that exports wasi:http/handler",
                    "\nPrints 'listening on http://HOST:PORT' when it is ready. SIGINT or SIGTERM: accepts no more,\n"
                    "finishes the requests in flight, then ends; a second one ends it at once.\n"
                    "\nExamples:\n"
                    "  crank serve service.wasm\n"
                    "  crank serve middleware.wasm --plug service.wasm --addr 127.0.0.1:0 --log\n"
                    "  crank serve app.wasm --env MODE=fast --request-timeout 5s --max-body-size 1048576\n");
    command->add_option("component", component_, "The component (.wasm, or .wat text)")->required();
    command->add_option("--plug", plugs_, "A component whose exports fill imports; repeatable")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_option("--addr", address_, "Where to listen; port 0 takes a free one")
        ->capture_default_str()
        ->type_name("HOST:PORT");
    command->add_option("--env", environment_, "An environment variable; repeatable")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command->add_option("--threads", threads_, "Worker threads (default: one a processor)")
        ->type_name("N")
        ->check(CLI::Range(1, 64));
    command->add_option("--max-instance-reuse-count", reuse_, "Requests one root serves in all; 0: no limit")
        ->capture_default_str()
        ->type_name("N");
    command->add_option("--max-instance-concurrent-reuse-count", concurrent_, "Requests one root serves at once")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1, 65536));
    command->add_option("--request-timeout", request_timeout_, "Until the handler must have answered; then 504")
        ->capture_default_str()
        ->type_name("DURATION");
    command->add_option("--stop-timeout", stop_timeout_, "What requests in flight get to finish when stopping")
        ->capture_default_str()
        ->type_name("DURATION");
    command
        ->add_option("--max-body-size", max_body_,
                     "Largest request body in bytes; more is answered 413 (default: no limit)")
        ->type_name("BYTES");
    command
        ->add_option("--max-header-size", max_head_,
                     "Largest request head in bytes, at most 16383; more is answered 431")
        ->capture_default_str()
        ->type_name("BYTES");
    command->add_option("--max-memory", max_memory_, "What each memory of a guest may grow to")
        ->capture_default_str()
        ->type_name("BYTES")
        ->check(CLI::Range(std::uint64_t{1} << 16, std::uint64_t{4} << 30));
    command->add_flag("--log", log_, "Write a line for each request to standard output");
    network_.add_to(*command);
  }

  int run() override {
    auto done = serve();
    return done ? exit_success : report(done.error());
  }

 private:
  Result<> serve() {
    CRANK_TRY(auto address, io::parse_host_port(address_));
    CRANK_TRY(auto variables, parse_environment(environment_));
    CRANK_TRY(auto request_timeout, parse_duration(request_timeout_));
    CRANK_TRY(auto stop_timeout, parse_duration(stop_timeout_));
    CRANK_TRY(auto client_options, network_.client_options());
    StopSignal signal;
    CRANK_TRY(auto engine, make_engine());
    CRANK_TRY(auto parts, load_parts(*engine, component_, plugs_));

    auto errors = std::make_shared<spdlog::logger>("errors", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    errors->set_pattern("%Y-%m-%dT%H:%M:%S.%e %v");
    auto access = std::make_shared<spdlog::logger>("access", std::make_shared<spdlog::sinks::stdout_sink_mt>());
    access->set_pattern("%Y-%m-%dT%H:%M:%S.%e %v");

    PoolOptions pool_options;
    pool_options.threads = threads_;
    pool_options.parker = io::loop_parkers();
    pool_options.on_blocked = [](unsigned, Duration) {};
    auto pool = std::make_unique<Pool>(pool_options);

    wasi::HttpService::Options service_options;
    service_options.request_timeout = request_timeout;
    service_options.on_error = [errors](const std::string& sentence) { errors->error("{}", sentence); };
    if (log_)
      service_options.on_complete = [access](const io::ExchangeRecord& r) {
        access->info("{} \"{} {}\" {} in={} out={} {:.3f}ms{}", r.peer, r.method, r.target, r.status, r.received,
                     r.sent, static_cast<double>(r.duration.count()) / 1e6, r.complete ? "" : " broken off");
      };

    const auto log_trap = [errors](const Error& why) {
      errors->error("{}{}; the next call gets a fresh root", one_line(why.to_string()), frames_of(why));
    };

    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<io::HttpServer::Worker> places;
    for (unsigned i = 0; i < pool->size(); ++i) {
      auto& worker = *workers.emplace_back(std::make_unique<Worker>(*pool, i));
      worker.client = std::make_unique<io::HttpClient>(worker.executor.loop(), client_options);
      auto context = std::make_shared<wasi::Context>();
      context->variables = variables;
      context->http_client = worker.client.get();
      context->executor = worker.executor.ref();
      context->runtime = &pool->runtime();
      component::Imports imports;
      wasi::add_all(imports, context);
      CRANK_TRY(worker.app, link(parts, std::move(imports),
                                 {.reuse = component::ReusePolicy::concurrently(concurrent_, reuse_),
                                  .longest_turn = request_timeout,
                                  .memory_bytes = max_memory_,
                                  .on_trap = log_trap,
                                  .runtime = &pool->runtime()}));
      auto service = wasi::HttpService::make(worker.app, context, service_options);
      if (!service)
        return fail(
            std::move(service.error())
                .wrap(Code::missing_export, concat("serving ", component_, ": it cannot answer HTTP requests")));
      worker.service = std::move(*service);
      places.push_back({&worker.executor.loop(), worker.service.get()});
    }

    io::HttpServerOptions server_options;
    server_options.host = address.host;
    server_options.port = address.port;
    server_options.max_head = max_head_;
    if (max_body_) server_options.max_body = *max_body_;
    CRANK_TRY(auto server, io::HttpServer::listen(server_options, places));
    std::printf("listening on http://%s\n", server->address().c_str());
    std::fflush(stdout);

    signal.wait();
    server->stop([&signal] { signal.notify(); });
    if (signal.wait(std::chrono::duration_cast<std::chrono::milliseconds>(stop_timeout)) !=
        StopSignal::Woken::notified) {
      errors->error("stopping: {} connections are still open and are closed now", server->connections());
      server->close_all();
      signal.wait(std::chrono::milliseconds(2000));
      // At once: guests that still run are not waited for, and what they hold goes with the process.
      errors->flush();
      access->flush();
      std::fflush(stdout);
      std::_Exit(0);
    }
    for (auto& worker : workers) {
      sync_wait(*pool, worker->app->stop(std::chrono::milliseconds(200)));
      // Sockets of a loop are closed by its own thread.
      io::run_on(worker->executor, [&] {
        worker->service.reset();
        worker->app.reset();
        worker->client.reset();
      });
    }
    server.reset();
    pool.reset();
    errors->flush();
    access->flush();
    std::fflush(stdout);
    return {};
  }

  static Result<std::shared_ptr<engine::Engine>> make_engine() {
    engine::EngineOptions options;
    options.allocation = engine::Allocation::pooling;
    if (auto pooling = engine::Engine::create(options)) return pooling;
    // Where address space is rationed the pool cannot be laid out; slower instances are better than none.
    options.allocation = engine::Allocation::on_demand;
    return engine::Engine::create(options);
  }

  std::string component_, address_ = "127.0.0.1:8080", request_timeout_ = "60s", stop_timeout_ = "30s";
  std::vector<std::string> plugs_, environment_;
  unsigned threads_ = 0, reuse_ = 128, concurrent_ = 16;
  std::optional<std::uint64_t> max_body_;
  std::uint64_t max_memory_ = std::uint64_t{512} << 20;
  std::size_t max_head_ = 16 * 1024 - 1;
  bool log_ = false;
  Network network_;
};

}  // namespace

std::unique_ptr<Command> add_serve(Parser& parser) { return std::make_unique<Serve>(parser); }

}  // namespace crank::cli
