// crank_spec: plays one converted file of the Component Model's suite against this host and prints one JSON line a command:
//   {"line": 102, "type": "assert_trap", "ok": true, "text": false, "message": "…"}
// After the line given with --disputed a trapped instance is made anew: what follows is judged by itself.
// run.py starts one process a file, so that an abort or a hang costs that file only. Everything runs on the manual
// executor, so a call that nothing will ever finish is seen at once; --threads N plays on a pool instead.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "crank/async/manual_executor.h"
#include "crank/async/sync_wait.h"
#include "crank/component/abi.h"
#include "crank/component/blueprint.h"
#include "crank/component/root.h"
#include "crank/component/wave.h"
#include "crank/engine/engine.h"
#include "tests/spec/json_value.h"

namespace crank::spec {
namespace {

using namespace crank::component;
using nlohmann::json;

struct Verdict {
  bool ok = false;
  bool text = true;  ///< the message contains what the test expects
  std::string message;
  bool accepted = false;  ///< of a module: the binary was found valid, whatever became of it then
};

Verdict failed(std::string message) { return {false, false, std::move(message)}; }

class Player {
 public:
  Player(std::string folder, unsigned threads) : folder_(std::move(folder)) {
    if (threads) pool_.emplace(PoolOptions{.threads = threads});
    engine::EngineOptions options;
    options.allocation = engine::Allocation::small;
    options.optimize = false;
    auto engine = engine::Engine::create(options);
    if (!engine) {
      std::fprintf(stderr, "crank_spec: %s\n", engine.error().message().c_str());
      std::exit(2);
    }
    engine_ = *std::move(engine);
  }

  ~Player() {
    for (auto& root : alive_) root->destroy();
    // What still stands in the queue keeps its root: tasks that yielded for ever end now.
    if (!pool_) manual_.run(100'000);
    // The same on a pool: its workers get to what the ends have posted.
    for (int i = 0; pool_ && i < 100; ++i) sync_wait(*pool_, []() -> Task<> { co_return; }());
  }

  Verdict play(const json& command) {
    const std::string& type = command.at("type").get_ref<const std::string&>();
    if (type == "module") {
      auto blueprint = prepare_file(command);
      bool accepted = blueprint.has_value();
      current_blueprint_ = accepted ? *blueprint : nullptr;
      Verdict verdict = note(std::move(blueprint), command.value("name", ""));
      verdict.accepted = accepted;
      return verdict;
    }
    if (type == "module_definition") {
      auto blueprint = prepare_file(command);
      if (!blueprint) return failed(blueprint.error().to_string());
      definitions_[command.value("name", "")] = definitions_["last"] = *blueprint;
      return {true, true, ""};
    }
    if (type == "module_instance") {
      std::string name = command.contains("module") && !command.at("module").is_null()
                             ? command.at("module").get<std::string>()
                             : "last";
      auto found = definitions_.find(name);
      if (found == definitions_.end()) return failed(concat("there is no definition ", name));
      return note(current_blueprint_ = found->second, command.value("instance", ""));
    }
    if (type == "action" || type == "assert_return") return returns(command);
    if (type == "assert_trap") return traps(command);
    if (type == "assert_uninstantiable") {
      auto root = instantiate(prepare_file(command));
      if (root) return failed("it was instantiated");
      return expect_error(root.error(), command, root.error().code() == Code::trap);
    }
    if (type == "assert_invalid" || type == "assert_malformed") {
      auto blueprint = prepare_file(command);
      if (blueprint) return failed("it was accepted");
      return expect_error(blueprint.error(), command, true);
    }
    return failed(concat("a command of unknown type ", type));
  }

  /// Makes the current instance anew if it has trapped.
  void renew() {
    if (current_ && current_->state() != Root::State::live) note(current_blueprint_, current_name_);
  }

 private:
  using Prepared = Result<std::shared_ptr<const Blueprint>>;
  using Instantiated = Result<std::shared_ptr<Root>>;

  Prepared prepare_file(const json& command) {
    std::ifstream file(folder_ + "/" + command.at("filename").get<std::string>(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    // The suite's core modules are judged by the engine; components by the host.
    return Blueprint::prepare(*engine_, std::as_bytes(std::span(bytes)));
  }

  Instantiated instantiate(Prepared blueprint) {
    if (!blueprint) return fail(std::move(blueprint).error());
    auto work = [](std::shared_ptr<const Blueprint> blueprint) -> Task<Instantiated> {
      static const Imports nothing;
      co_return Root::instantiate(std::move(blueprint), nothing);
    };
    return run(work(*std::move(blueprint)));
  }

  Verdict note(Prepared blueprint, std::string name) {
    current_ = nullptr;
    current_name_ = name;
    if (!name.empty()) named_[name] = nullptr;
    Instantiated root = instantiate(std::move(blueprint));
    if (!root) return failed(root.error().to_string());
    current_ = *root;
    alive_.push_back(*root);
    if (!name.empty()) named_[name] = *root;
    return {true, true, ""};
  }

  template <class T>
  Result<T> run(Task<Result<T>> task) {
    if (pool_) return sync_wait(*pool_, std::move(task));
    auto handle = spawn(std::move(task), {.runtime = &manual_.runtime()});
    // No further than that: tasks of earlier calls may yield for ever.
    while (!handle.is_done() && manual_.step()) {}
    if (!handle.is_done()) {
      std::move(handle).run_on();
      return fail(Code::stuck, "nothing is ready to run and the call has not ended");
    }
    return handle.result_now().template take<default_exceptions>();
  }

  Result<Value> invoke(const json& action, TypeRef& result_type) {
    std::shared_ptr<Root> root = current_;
    if (action.contains("module") && !action.at("module").is_null())
      root = named_[action.at("module").get<std::string>()];
    if (!root) return fail(Code::bad_state, "there is no instance to call (it could not be made)");
    std::string name = action.at("field").get<std::string>();
    CRANK_TRY(Function function, root->function(name));
    result_type = function.type().result;
    const json& given = action.at("args");
    if (given.size() != function.type().params.size())
      return fail(Code::bad_argument, "the test gives another number of arguments");
    std::vector<Value> arguments;
    for (std::size_t i = 0; i < given.size(); ++i) {
      CRANK_TRY(Value argument, read_value(given.at(i), function.type().params[i].type));
      arguments.push_back(std::move(argument));
    }
    auto work = [](std::shared_ptr<Root> root, Function function, std::vector<Value> arguments) -> Task<Result<Value>> {
      co_return co_await root->call(function, std::move(arguments));
    };
    return run(work(root, function, std::move(arguments)));
  }

  Verdict returns(const json& command) {
    TypeRef type = nullptr;
    Result<Value> value = invoke(command.at("action"), type);
    if (!value) return failed(value.error().to_string());
    json expected = command.value("expected", json::array());
    if (expected.empty()) {
      if (command.at("type") == "action" || value->kind() == Value::Kind::none) return {true, true, ""};
      return failed(concat("expected no result, found ", to_wave(*value, type)));
    }
    if (!type) return failed("expected a result, but the function has none");
    Result<Value> wanted = read_value(expected.at(0), type);
    if (!wanted) return failed(wanted.error().message());
    if (*wanted == *value) return {true, true, ""};
    return failed(concat("expected ", to_wave(*wanted, type), ", found ", to_wave(*value, type)));
  }

  Verdict traps(const json& command) {
    TypeRef type = nullptr;
    Result<Value> value = invoke(command.at("action"), type);
    if (value) return failed(concat("it returned ", to_wave(*value, type)));
    Code code = value.error().code();
    return expect_error(value.error(), command,
                        code == Code::trap || code == Code::deadlock || code == Code::root_dead);
  }

  static Verdict expect_error(const Error& error, const json& command, bool right_kind) {
    std::string text = command.value("text", ""), message = error.to_string();
    constexpr std::string_view prefix = "wasm trap: ";
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
    return {right_kind, right_kind && message.find(text) != std::string::npos, std::move(message)};
  }

  std::string folder_;
  std::shared_ptr<engine::Engine> engine_;
  ManualExecutor manual_;
  std::optional<Pool> pool_;
  std::map<std::string, std::shared_ptr<const Blueprint>> definitions_;
  std::map<std::string, std::shared_ptr<Root>> named_;
  std::vector<std::shared_ptr<Root>> alive_;
  std::shared_ptr<Root> current_;
  std::shared_ptr<const Blueprint> current_blueprint_;
  std::string current_name_;
};

int main(int count, char** arguments) {
  unsigned threads = 0;
  std::string path;
  std::set<long> disputed;
  long until = -1;
  for (int i = 1; i < count; ++i) {
    std::string argument = arguments[i];
    if (argument == "--threads" && i + 1 < count)
      threads = static_cast<unsigned>(std::atoi(arguments[++i]));
    else if (argument == "--until" && i + 1 < count)
      until = std::atol(arguments[++i]);
    else if (argument == "--disputed" && i + 1 < count)
      disputed.insert(std::atol(arguments[++i]));
    else
      path = argument;
  }
  std::ifstream file(path);
  if (path.empty() || !file) {
    std::fprintf(stderr,
                 "usage: crank_spec [--threads N] [--until LINE] [--disputed LINE]... FILE.json (made by wasm-tools "
                 "json-from-wast)\n");
    return 2;
  }
  json script = json::parse(file);
  std::size_t slash = path.rfind('/');
  Player player(slash == std::string::npos ? "." : path.substr(0, slash), threads);
  for (const json& command : script.at("commands")) {
    if (command.value("module_type", "binary") != "binary") continue;  // text the converter kept: not for a host
    long line = command.at("line").get<long>();
    if (until >= 0 && line > until) break;
    Verdict verdict = player.play(command);
    if (disputed.contains(line)) player.renew();
    json row = {{"line", line},         {"type", command.at("type")},   {"ok", verdict.ok},
                {"text", verdict.text}, {"accepted", verdict.accepted}, {"message", verdict.message}};
    std::cout << row.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace crank::spec

int main(int count, char** arguments) { return crank::spec::main(count, arguments); }
