// For these tests: engines made once, modules compiled once, reactors on a manual executor.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "crank/async/manual_executor.h"
#include "crank/engine/engine.h"
#include "crank/engine/module.h"
#include "crank/reactor/reactor.h"

namespace crank::reactor::testing {

template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().to_string() << "\n" << result.error().backtrace();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline std::shared_ptr<engine::Engine> engine_for(bool interpreted) {
  static std::shared_ptr<engine::Engine> engines[2];
  auto& slot = engines[interpreted];
  if (!slot) slot = must(engine::Engine::create({.interpreted = interpreted, .allocation = engine::Allocation::small}));
  return slot;
}

inline std::vector<std::uint8_t> read_module(const std::string& name) {
  std::string path = std::string(CRANK_REACTOR_MODULES) + "/" + name + ".wasm";
  std::ifstream file(path, std::ios::binary);
  if (!file) ADD_FAILURE() << "cannot read " << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline engine::Module module_named(const std::string& name, bool interpreted = false) {
  static std::map<std::pair<std::string, bool>, engine::Module> modules;
  auto& slot = modules[{name, interpreted}];
  if (!slot) slot = must(engine::Module::compile(*engine_for(interpreted), read_module(name)));
  return slot;
}

inline std::string text(Result<Bytes> answer) {
  return answer ? std::string(as_text(*answer))
                : concat("error ", name_of(answer.error().code()), ": ", answer.error().message());
}

/// One reactor on a manual executor: everything happens in the calls of the test.
struct Rig {
  ManualExecutor manual;
  std::shared_ptr<Bridges> bridges = std::make_shared<Bridges>();
  std::vector<std::string> log;
  std::shared_ptr<Reactor> reactor;

  void open(const engine::Module& module, bool interpreted, ReactorOptions options = {}) {
    if (!options.bridges) options.bridges = bridges;
    options.log = [this](LogLevel, std::string_view line) { log.emplace_back(line); };
    reactor = must(Reactor::open(manual.runtime(), engine_for(interpreted), module, std::move(options)));
  }
  std::string call(std::string entry, std::string_view argument = {}, CallOptions options = {}) {
    return text(manual.run(reactor->call(std::move(entry), to_bytes(argument), options)));
  }
  ReactorReport report() { return manual.run(reactor->report()); }
  ~Rig() {
    reactor.reset();
    manual.run();
  }
};

struct Mode {
  bool interpreted;
  std::uint32_t budget;
};
inline std::string name_of_mode(const ::testing::TestParamInfo<Mode>& info) {
  std::string name = info.param.interpreted ? "InterpretedBudget" : "CompiledBudget";
  return name + (info.param.budget == unlimited ? "Unlimited" : std::to_string(info.param.budget));
}
inline auto all_modes() {
  return ::testing::Values(Mode{false, 1}, Mode{false, 2}, Mode{false, 7}, Mode{false, unlimited}, Mode{true, 1},
                           Mode{true, 2}, Mode{true, 7}, Mode{true, unlimited});
}

}  // namespace crank::reactor::testing
