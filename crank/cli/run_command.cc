// crank run: one component to its end, or one call of an export.
#include <cstdio>

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"
#include "crank/cli/exit_code.h"
#include "crank/cli/invoke.h"
#include "crank/cli/load.h"
#include "crank/cli/network.h"
#include "crank/cli/parser.h"
#include "crank/cli/reactor_command.h"
#include "crank/component/wave.h"
#include "crank/io/http_client.h"
#include "crank/io/loop_parker.h"
#include "crank/wasi/context.h"
#include "crank/wasi/standard_input.h"

namespace crank::cli {
namespace {

using component::Value;

class Run final : public Command {
 public:
  explicit Run(Parser& parser) : rest_(parser.rest) {
    auto* command =
        add_command(parser, "run", "Run a component to its end: wasi:cli/run, or one export",
                    "\nArguments and results of --invoke are in WAVE notation.\n"
                    "\nExamples:\n"
                    "  crank run tool.wasm --env LANG=C -- first second\n"
                    "  crank run round_trip.wasm --plug leaf.wasm --invoke 'foo(\"hi\")'\n"
                    "  crank run math.wasm --invoke 'ns:pkg/ops@1.0.0#add(1, 2)' --timeout 2s\n"
                    "  crank run analytics.wasm --call fetch_report --arg https://example.org/report.json\n");
    command->add_option("component", component_, "The component (.wasm, or .wat text)")->required();
    command->add_option("arguments", arguments_, "The guest's arguments; those with dashes after --");
    command->add_option("--plug", plugs_, "A component whose exports fill imports; repeatable")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_option("--invoke", invoke_, "Call this export instead of wasi:cli/run")->type_name("CALL");
    command->add_option("--call", call_, "Call this entry of a reactor (a core module), pumped to its answer")
        ->type_name("ENTRY");
    command->add_option("--arg", argument_, "With --call: the entry's argument, as it is")->type_name("TEXT");
    command->add_flag("--interpret", interpret_, "With --call: interpret, compile nothing to machine code");
    command->add_option("--env", environment_, "An environment variable; repeatable")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command->add_option("--threads", threads_, "Worker threads (default: one a processor)")
        ->type_name("N")
        ->check(CLI::Range(1, 64));
    command->add_option("--timeout", timeout_, "Give up after this long")->type_name("DURATION");
    network_.add_to(*command);
  }

  int run() override {
    auto code = execute();
    return code ? *code : report(code.error());
  }

 private:
  Result<int> execute() {
    CRANK_TRY(auto variables, parse_environment(environment_));
    component::CallOptions call;
    if (!timeout_.empty()) {
      CRANK_TRY(call.timeout, parse_duration(timeout_));
    }
    CRANK_TRY(auto client_options, network_.client_options());
    if (!call_.empty())
      return call_reactor({.path = component_,
                           .entry = call_,
                           .argument = argument_,
                           .interpreted = interpret_,
                           .deadline = call.timeout.value_or(Duration::zero()),
                           .threads = threads_,
                           .http = client_options});
    CRANK_TRY(auto engine, engine::Engine::create());
    CRANK_TRY(auto parts, load_parts(*engine, component_, plugs_));

    PoolOptions pool_options;
    pool_options.threads = threads_;
    pool_options.parker = io::loop_parkers();
    // What blocks a worker here is the guest the user asked for: nobody needs to be told.
    pool_options.on_blocked = [](unsigned, Duration) {};
    Pool pool(pool_options);
    io::WorkerExecutor network_executor(pool, 0);
    auto client = std::make_unique<io::HttpClient>(network_executor.loop(), client_options);
    // However this function ends: sockets of a loop are closed by its own thread.
    struct CloseClient {
      io::WorkerExecutor& executor;
      std::unique_ptr<io::HttpClient>& client;
      ~CloseClient() {
        io::run_on(executor, [this] { client.reset(); });
      }
    } close_client{network_executor, client};

    auto context = std::make_shared<wasi::Context>();
    context->variables = std::move(variables);
    context->arguments.push_back(component_);
    context->arguments.insert(context->arguments.end(), arguments_.begin(), arguments_.end());
    context->arguments.insert(context->arguments.end(), rest_.begin(), rest_.end());
    context->standard_input = std::make_shared<wasi::StandardInput>(0);
    context->http_client = client.get();
    context->executor = network_executor.ref();
    context->runtime = &pool.runtime();
    component::Imports imports;
    wasi::add_all(imports, context);
    CRANK_TRY(auto app, link(parts, std::move(imports),
                             {.reuse = component::ReusePolicy::concurrently(1),
                              .longest_turn = call.timeout,
                              .runtime = &pool.runtime()}));

    auto answer = sync_wait(pool, invoke_.empty() ? run_program(app, call) : run_export(app, call));
    // Whatever the guest left behind is given a moment, so that its last output is not lost, then ended.
    sync_wait(pool, app->stop(std::chrono::seconds(answer ? 5 : 0)));
    app.reset();
    if (const int code = context->exit_code.load(); code >= 0) return code;
    return answer;
  }

  static Task<Result<int>> run_program(std::shared_ptr<component::Composition> app, component::CallOptions options) {
    auto function = app->function("wasi:cli/run@0.3.0#run");
    if (!function)
      co_return fail(
          std::move(function.error())
              .wrap(
                  Code::missing_export,
                  "running the component: it is no program (no wasi:cli/run); call one of its exports with --invoke"));
    auto answer = co_await app->call(*function, {}, options);
    if (!answer) co_return fail(std::move(answer).error());
    co_return answer->case_index() == 0 ? exit_success : exit_guest_error;
  }

  Task<Result<int>> run_export(std::shared_ptr<component::Composition> app, component::CallOptions options) {
    auto invocation = parse_invocation(invoke_);
    if (!invocation) co_return fail(std::move(invocation).error());
    auto function = app->function(invocation->function);
    if (!function) co_return fail(std::move(function).error());
    auto values = parse_arguments(invocation->arguments, function->type());
    if (!values)
      co_return fail(std::move(values.error()).wrap(Code::bad_argument, concat("calling ", invocation->function)));
    auto answer = co_await app->call(*function, std::move(*values), options);
    if (!answer) co_return fail(std::move(answer).error());
    const auto* type = function->type().result;
    if (!type) co_return exit_success;
    std::printf("%s\n", component::to_wave(*answer, type).c_str());
    std::fflush(stdout);
    const bool is_error = type->kind == component::TypeKind::result && answer->case_index() == 1;
    co_return is_error ? exit_guest_error : exit_success;
  }

  std::string component_, invoke_, call_, argument_, timeout_;
  bool interpret_ = false;
  std::vector<std::string> plugs_, environment_, arguments_;
  const std::vector<std::string>& rest_;
  unsigned threads_ = 0;
  Network network_;
};

}  // namespace

std::unique_ptr<Command> add_run(Parser& parser) { return std::make_unique<Run>(parser); }

}  // namespace crank::cli
