#include "crank/engine/module.h"

#include "crank/engine/cache.h"
#include "crank/engine/engine_native.h"
#include "crank/engine/validator.h"

namespace crank::engine {

struct Module::Record {
  std::shared_ptr<Engine> engine;
  OwnedModule module;
  std::vector<ImportType> imports;
  std::vector<ExportType> exports;
  bool collected = false;
};

namespace {

// Whether a valid module defines collected types, exceptions or their references: a type section entry that is not a
// plain function, or a tag section. Imported tags without types of their own count through the import list.
bool uses_collected(std::span<const std::uint8_t> wasm) {
  std::size_t at = 8;
  auto leb = [&]() -> std::uint64_t {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at < wasm.size() && shift < 64; shift += 7) {
      std::uint8_t byte = wasm[at++];
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) break;
    }
    return value;
  };
  auto is_collected_type = [](std::uint8_t byte) {
    // Value types other than the numbers (0x7b..0x7f), funcref 0x70 and externref 0x6f.
    return !(byte >= 0x7b && byte <= 0x7f) && byte != 0x70 && byte != 0x6f;
  };
  while (at < wasm.size()) {
    std::uint8_t id = wasm[at++];
    std::uint64_t size = leb();
    std::size_t end = size > wasm.size() - at ? wasm.size() : at + size;
    if (id == 13) return true;
    if (id == 1) {
      std::uint64_t count = leb();
      for (std::uint64_t i = 0; i < count && at < end; ++i) {
        if (wasm[at++] != 0x60) return true;
        for (int list = 0; list < 2; ++list) {
          std::uint64_t n = leb();
          for (std::uint64_t k = 0; k < n && at < end; ++k) {
            if (is_collected_type(wasm[at++])) return true;
          }
        }
      }
    }
    at = end;
  }
  return false;
}

}  // namespace

struct ModuleBuilder {
  static Module build(Engine& engine, wasmtime_module_t* raw, bool collected) {
    auto record = std::make_shared<Module::Record>();
    record->engine = engine.shared_from_this();
    record->module.reset(raw);
    wasm_importtype_vec_t imports;
    wasmtime_module_imports(raw, &imports);
    for (std::size_t i = 0; i < imports.size; ++i) {
      record->imports.push_back({std::string(view(wasm_importtype_module(imports.data[i]))),
                                 std::string(view(wasm_importtype_name(imports.data[i]))),
                                 from_native(wasm_importtype_type(imports.data[i]))});
      collected = collected || record->imports.back().type.kind == ExternKind::tag;
    }
    wasm_importtype_vec_delete(&imports);
    wasm_exporttype_vec_t exports;
    wasmtime_module_exports(raw, &exports);
    for (std::size_t i = 0; i < exports.size; ++i) {
      record->exports.push_back({std::string(view(wasm_exporttype_name(exports.data[i]))),
                                 from_native(wasm_exporttype_type(exports.data[i]))});
    }
    wasm_exporttype_vec_delete(&exports);
    record->collected = collected;
    Module module;
    module.record_ = std::move(record);
    return module;
  }
};

Result<Module> Module::compile(Engine& engine, std::span<const std::uint8_t> wasm) {
  const std::string& directory = engine.options().cache_directory;
  bool collected = engine.options().collected_types && uses_collected(wasm);
  std::string cached;
  if (!directory.empty()) {
    cached = cache_path(directory, engine.native().cache_key, wasm, ".cwasm");
    if (cache_has(cached)) {
      wasmtime_module_t* raw = nullptr;
      wasmtime_error_t* error = wasmtime_module_deserialize_file(engine.native().engine.get(), cached.c_str(), &raw);
      if (error == nullptr) return ModuleBuilder::build(engine, raw, collected);
      wasmtime_error_delete(error);  // written by another build of the engine: compile again and replace it
    }
  }
  wasmtime_module_t* raw = nullptr;
  if (wasmtime_error_t* error = wasmtime_module_new(engine.native().engine.get(), wasm.data(), wasm.size(), &raw))
    return fail(Code::bad_binary, concat("compiling a module: ", message_of(error)));
  Module module = ModuleBuilder::build(engine, raw, collected);
  if (!cached.empty()) {
    Bytes bytes;
    if (wasmtime_error_t* error = wasmtime_module_serialize(raw, &bytes.vec))
      wasmtime_error_delete(error);
    else
      cache_write(cached, bytes.view());
  }
  return module;
}

Result<Module> Module::compile_text(Engine& engine, std::string_view wat) {
  CRANK_TRY(auto wasm, wat_to_wasm(wat));
  return compile(engine, wasm);
}

Result<Module> Module::deserialize(Engine& engine, std::span<const std::uint8_t> bytes) {
  wasmtime_module_t* raw = nullptr;
  if (wasmtime_error_t* error =
          wasmtime_module_deserialize(engine.native().engine.get(), bytes.data(), bytes.size(), &raw))
    return fail(Code::bad_binary, concat("loading a compiled module: ", message_of(error)));
  return ModuleBuilder::build(engine, raw, engine.options().collected_types);  // what it uses is not known any more
}

Result<Module> Module::deserialize_file(Engine& engine, const std::string& path) {
  wasmtime_module_t* raw = nullptr;
  if (wasmtime_error_t* error = wasmtime_module_deserialize_file(engine.native().engine.get(), path.c_str(), &raw))
    return fail(Code::bad_binary, concat("loading the compiled module ", path, ": ", message_of(error)));
  return ModuleBuilder::build(engine, raw, engine.options().collected_types);
}

Result<std::vector<std::uint8_t>> Module::serialize() const {
  Bytes bytes;
  if (wasmtime_error_t* error = wasmtime_module_serialize(native(), &bytes.vec))
    return fail(Code::unsupported, concat("serializing a module: ", message_of(error)));
  return std::vector<std::uint8_t>(bytes.view().begin(), bytes.view().end());
}

const std::vector<ImportType>& Module::imports() const noexcept { return record_->imports; }
const std::vector<ExportType>& Module::exports() const noexcept { return record_->exports; }
bool Module::collected() const noexcept { return record_->collected; }
::wasmtime_module* Module::native() const noexcept { return record_->module.get(); }
Engine& Module::engine() const noexcept { return *record_->engine; }

const ExternType* Module::export_named(std::string_view name) const noexcept {
  for (const ExportType& item : record_->exports) {
    if (item.name == name) return &item.type;
  }
  return nullptr;
}

Result<> validate_component(Engine& engine, std::span<const std::uint8_t> component) {
  std::string verdict;
  if (!engine.options().cache_directory.empty()) {
    verdict =
        cache_path(engine.options().cache_directory, concat("valid component ", WASMTIME_VERSION), component, ".valid");
    if (cache_has(verdict)) return {};
  }
  if (auto valid = ComponentValidator().check(component); !valid) return valid;
  if (!verdict.empty()) cache_write(verdict, "");
  return {};
}
Result<> validate_module(Engine& engine, std::span<const std::uint8_t> wasm) {
  if (wasmtime_error_t* error = wasmtime_module_validate(engine.native().engine.get(), wasm.data(), wasm.size()))
    return fail(Code::bad_binary, concat("validating a module: ", message_of(error)));
  return {};
}

Result<std::vector<std::uint8_t>> wat_to_wasm(std::string_view wat) {
  Bytes bytes;
  if (wasmtime_error_t* error = wasmtime_wat2wasm(wat.data(), wat.size(), &bytes.vec))
    return fail(Code::bad_binary, concat("reading the text of a module: ", message_of(error)));
  return std::vector<std::uint8_t>(bytes.view().begin(), bytes.view().end());
}

}  // namespace crank::engine
