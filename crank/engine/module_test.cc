#include "crank/engine/module.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "crank/engine/testing.h"

namespace crank::engine {
namespace {

using ::testing::HasSubstr;
using testing::must;
using testing::new_store;
using testing::small_engine;

TEST(Engine, ConfigurationsTheEngineWouldAbortOnAreErrors) {
  EXPECT_EQ(Engine::create({.wasm_stack = 4 << 20, .fiber_stack = 1 << 20}).error().code(), Code::bad_argument);
  EXPECT_EQ(Engine::create({.wasm_stack = 1}).error().code(), Code::bad_argument);
  EXPECT_EQ(Engine::create({.tick = std::chrono::microseconds(0)}).error().code(), Code::bad_argument);
  EXPECT_EQ(Engine::create({.allocation = Allocation::small, .memory_reservation = 1}).error().code(),
            Code::bad_argument);
  EXPECT_EQ(Engine::create({.allocation = Allocation::pooling, .pool = {.memories = 1u << 31}}).error().code(),
            Code::bad_argument);
  EXPECT_EQ(
      Engine::create({.allocation = Allocation::pooling, .pool = {.tables = 2, .tables_a_module = 9}}).error().code(),
      Code::bad_argument);
}

TEST(Module, ReflectionTellsNamesAndTypesInTheOrderOfTheBinary) {
  auto module = must(Module::compile_text(*small_engine(), R"((module
    (import "a" "f" (func (param i32 f64) (result i64))) (import "" "m" (memory 1 9)) (import "a" "v" (global (mut v128)))
    (import "b" "t" (table 3 funcref)) (import "b" "r" (global (ref func)))
    (func (export "g") (result i32 i32) (i32.const 1) (i32.const 2)) (memory (export "mem64") i64 2)))"));
  ASSERT_EQ(module.imports().size(), 5u);
  EXPECT_EQ(module.imports()[0].module, "a");
  EXPECT_EQ(module.imports()[0].name, "f");
  EXPECT_EQ(module.imports()[0].type.func, FuncType::of("iF", "I"));
  EXPECT_EQ(module.imports()[0].type.func.to_string(), "(i32, f64) -> (i64)");
  EXPECT_EQ(module.imports()[1].type.kind, ExternKind::memory);
  EXPECT_EQ(module.imports()[1].type.maximum, 9u);
  EXPECT_EQ(module.imports()[2].type.value, ValType::v128);
  EXPECT_TRUE(module.imports()[2].type.is_mutable);
  EXPECT_EQ(module.imports()[3].type.value, ValType::funcref);
  EXPECT_EQ(module.imports()[4].type.value, ValType::other);
  ASSERT_NE(module.export_named("g"), nullptr);
  EXPECT_EQ(module.export_named("g")->func.slots(), 2u);
  EXPECT_TRUE(module.export_named("mem64")->is_64);
  EXPECT_EQ(module.export_named("h"), nullptr);
  EXPECT_FALSE(module.collected());
}

TEST(Module, AnInvalidModuleIsRefusedWithItsOffset) {
  auto wasm = must(wat_to_wasm("(module (func (export \"f\") (result i32) (i32.const 1)))"));
  wasm.back() = 0x7f;
  auto result = Module::compile(*small_engine(), wasm);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::bad_binary);
  EXPECT_THAT(result.error().message(), HasSubstr("offset"));
  EXPECT_FALSE(validate_module(*small_engine(), wasm).has_value());
  EXPECT_EQ(Module::compile_text(*small_engine(), "(module (").error().code(), Code::bad_binary);
}

TEST(Module, EveryTruncationAndManyMutationsAreErrorsOrModulesNeverACrash) {
  auto wasm =
      must(wat_to_wasm(R"((module (import "a" "f" (func (param i32))) (memory 1) (type (struct (field i32))) (tag)
    (table 2 funcref) (func (export "x") (param i64) (result i64) (local f32) (i64.add (local.get 0) (i64.const 4))) (data (i32.const 0) "abc")))"));
  for (std::size_t n = 0; n < wasm.size(); ++n) (void)Module::compile(*small_engine(), std::span(wasm).first(n));
  for (std::size_t i = 8; i < wasm.size(); ++i) {
    auto mutated = wasm;
    mutated[i] ^= 0x40;
    (void)Module::compile(*small_engine(), mutated);
  }
}

TEST(Module, ACompiledModuleRoundTripsAndIsRefusedByAnEngineWithOtherOptions) {
  auto engine = small_engine();
  auto module = must(Module::compile_text(*engine, "(module (func (export \"f\") (result i32) (i32.const 41)))"));
  auto bytes = must(module.serialize());
  auto again = must(Module::deserialize(*engine, bytes));
  auto store = new_store(engine);
  RawVal v[1];
  must(store->call(must(store->func(must(store->instantiate(again, {})), "f")), v));
  EXPECT_EQ(v[0].i32, 41);
  EXPECT_EQ(Module::deserialize(*small_engine(true), bytes).error().code(), Code::bad_binary);
}

TEST(Module, TheCacheIsUsedAndACorruptEntryIsReplaced) {
  std::string directory = (std::filesystem::temp_directory_path() / concat("crank-cache-", getpid())).string();
  auto engine = must(Engine::create({.allocation = Allocation::small, .cache_directory = directory}));
  constexpr std::string_view text = "(module (func (export \"f\") (result i32) (i32.const 41)))";
  must(Module::compile_text(*engine, text));
  std::filesystem::path entry;
  for (auto& e : std::filesystem::directory_iterator(directory)) entry = e.path();
  ASSERT_FALSE(entry.empty());
  auto size = std::filesystem::file_size(entry);
  must(Module::compile_text(*engine, text));
  std::filesystem::resize_file(entry, 10);
  must(Module::compile_text(*engine, text));
  EXPECT_EQ(std::filesystem::file_size(entry), size);
  std::filesystem::remove_all(directory);
}

TEST(Component, TheGateAcceptsAndRefuses) {
  auto engine = small_engine();
  must(validate_component(
      *engine, must(wat_to_wasm(
                   R"((component (type $t (func async (param "x" (stream u8)))) (import "f" (func (type $t)))))"))));
  auto bad = validate_component(*engine, must(wat_to_wasm("(component (import \"a\" (func)) (import \"A\" (func)))")));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code(), Code::bad_binary);
  EXPECT_FALSE(validate_component(*engine, must(wat_to_wasm("(module)"))).has_value());
}

}  // namespace
}  // namespace crank::engine
