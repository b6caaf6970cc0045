// For tests: components as text, instantiated on a manual executor with an engine made for many small modules.
// Internal to the tests of this layer.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/component/component_text.h"
#include "crank/component/composition.h"
#include "crank/component/root.h"
#include "crank/engine/engine.h"

namespace crank::component {

class RuntimeTest : public testing::Test {
 protected:
  static engine::Engine& shared_engine() {
    static std::shared_ptr<engine::Engine> engine =
        *engine::Engine::create({.allocation = engine::Allocation::small, .optimize = false});
    return *engine;
  }

  std::shared_ptr<const Blueprint> blueprint(std::string_view text) {
    auto binary = engine::wat_to_wasm(text);
    if (!binary) {
      ADD_FAILURE() << binary.error().to_string();
      return nullptr;
    }
    auto made = Blueprint::prepare(shared_engine(), std::as_bytes(std::span(*binary)));
    if (!made) {
      ADD_FAILURE() << made.error().to_string();
      return nullptr;
    }
    return *made;
  }

  std::shared_ptr<Root> root(std::string_view text, RootOptions options = {}) {
    auto made = blueprint(text);
    if (!made) return nullptr;
    options.runtime = &manual.runtime();
    if (options.name.empty()) options.name = "part";
    auto instance = Root::instantiate(made, imports, options);
    if (!instance) {
      ADD_FAILURE() << instance.error().to_string();
      return nullptr;
    }
    return *instance;
  }

  Result<Value> call(Root& root, std::string_view name, std::vector<Value> arguments = {}, CallOptions options = {}) {
    auto function = root.function(name);
    if (!function) return fail(std::move(function).error());
    return manual.run(root.call(*function, std::move(arguments), options));
  }

  TaskHandle<Result<Value>> begin(Root& root, std::string_view name, std::vector<Value> arguments = {},
                                  CallOptions options = {}) {
    auto handle = spawn(root.call(*root.function(name), std::move(arguments), options), {.runtime = &manual.runtime()});
    manual.run();
    return handle;
  }

  static Result<Value> take(TaskHandle<Result<Value>>& handle) { return handle.result_now().take<Exceptions::none>(); }

  ManualExecutor manual;
  Imports imports;
};

/// A component that exports run(n): calls the import wait(n) and, once that is answered, answers the same. When it is
/// cancelled while it waits, it acknowledges by task.cancel.
inline constexpr std::string_view waiting_component = R"((component
  (import "wait" (func $wait async (param "n" u32) (result u32)))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (core func $lowered (canon lower (func $wait) async (memory (core memory $memory "memory"))))
  (core func $set_new (canon waitable-set.new))
  (core func $join (canon waitable.join))
  (core func $subtask_drop (canon subtask.drop))
  (core func $subtask_cancel (canon subtask.cancel async))
  (core func $return (canon task.return (result u32)))
  (core func $cancel (canon task.cancel))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "wait" (func $wait (param i32 i32) (result i32)))
    (import "" "set_new" (func $set_new (result i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "subtask_drop" (func $subtask_drop (param i32)))
    (import "" "subtask_cancel" (func $subtask_cancel (param i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (import "" "cancel" (func $cancel))
    (global $slot (mut i32) (i32.const 16))
    (global $last (mut i32) (i32.const 0))
    (func (export "run") (param $n i32) (result i32) (local $status i32) (local $set i32)
      (local.set $status (call $wait (local.get $n) (i32.const 16)))
      (if (i32.eq (local.get $status) (i32.const 2)) (then
        (call $return (i32.load (i32.const 16)))
        (return (i32.const 0))))
      (global.set $last (i32.shr_u (local.get $status) (i32.const 4)))
      (local.set $set (call $set_new))
      (call $join (global.get $last) (local.get $set))
      (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
    (func (export "callback") (param $event i32) (param $waitable i32) (param $state i32) (result i32)
      (if (i32.eq (local.get $event) (i32.const 6)) (then
        (drop (call $subtask_cancel (global.get $last)))
        (call $cancel)
        (return (i32.const 0))))
      (call $subtask_drop (local.get $waitable))
      (call $return (i32.load (i32.const 16)))
      (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "wait" (func $lowered))
    (export "set_new" (func $set_new))
    (export "join" (func $join))
    (export "subtask_drop" (func $subtask_drop))
    (export "subtask_cancel" (func $subtask_cancel))
    (export "return" (func $return))
    (export "cancel" (func $cancel))))))
  (func (export "run") async (param "n" u32) (result u32)
    (canon lift (core func $m "run") async (memory (core memory $memory "memory")) (callback (core func $m "callback")))))
)";

}  // namespace crank::component
