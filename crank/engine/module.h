// Compiled core modules, and the gate for components.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crank/base/result.h"
#include "crank/engine/engine.h"
#include "crank/engine/types.h"

struct wasmtime_module;

namespace crank::engine {

/// A compiled module: immutable, cheap to copy, usable in every store of its engine from any thread.
class Module {
 public:
  Module() = default;
  /// Validates and compiles, or takes the compiled form from the engine's cache. Code::bad_binary carries the engine's message.
  static Result<Module> compile(Engine& engine, std::span<const std::uint8_t> wasm);
  /// The text format, for tests and for generated glue.
  static Result<Module> compile_text(Engine& engine, std::string_view wat);
  /// What `serialize` gave, by an engine with the same options. Trusted input: it is executed as it is.
  static Result<Module> deserialize(Engine& engine, std::span<const std::uint8_t> bytes);
  static Result<Module> deserialize_file(Engine& engine, const std::string& path);
  Result<std::vector<std::uint8_t>> serialize() const;

  /// In the order of the binary: `Store::instantiate` takes its externs in this order.
  const std::vector<ImportType>& imports() const noexcept;
  const std::vector<ExportType>& exports() const noexcept;
  const ExternType* export_named(std::string_view name) const noexcept;
  /// It uses collected types or exceptions, so its store may hold one suspended activation only.
  bool collected() const noexcept;

  explicit operator bool() const noexcept { return record_ != nullptr; }
  ::wasmtime_module* native() const noexcept;
  Engine& engine() const noexcept;

 private:
  struct Record;
  friend struct ModuleBuilder;
  std::shared_ptr<const Record> record_;
};

/// Whether the engine's validator, with every proposal it has switched on, accepts this component binary. The message
/// is its own and names the offset. It refuses 14 valid binaries of the specification's suite (facts of the engine):
/// the decoder of crank/component decides there. A verdict is remembered in the cache directory, if there is one.
Result<> validate_component(Engine& engine, std::span<const std::uint8_t> component);
/// Whether a core module is valid, without compiling it.
Result<> validate_module(Engine& engine, std::span<const std::uint8_t> wasm);
/// Text to binary: modules and components.
Result<std::vector<std::uint8_t>> wat_to_wasm(std::string_view wat);

}  // namespace crank::engine
