// Internal: what an Engine holds of the C API.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "crank/engine/engine.h"
#include "crank/engine/stacks.h"
#include "crank/engine/wasmtime_api.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CRANK_ENGINE_SANITIZED 1
#endif
#endif

namespace crank::engine {

struct Engine::Native {
  Owned<wasm_engine_t, wasm_engine_delete> engine;
  std::shared_ptr<Stacks> stacks;  // shared with the engine's stack creator, which may outlive this
  std::string cache_key;           // of everything in the options that changes compiled code

  /// The one module with an async import, by which fibers wait; see fiber.cc. Made when first asked for.
  std::once_flag runner_once;
  Owned<wasmtime_instance_pre_t, wasmtime_instance_pre_delete> runner;

  // The ticker. `present` counts; a ticker that saw nobody for a while sets `asleep` and waits for an arrival.
  std::atomic<int> present{0};
  std::atomic<bool> asleep{false};
  std::mutex mutex;
  std::condition_variable wake;
  bool stop = false;
  std::thread ticker;
};

}  // namespace crank::engine
