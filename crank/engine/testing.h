// For this layer's tests: an engine made once, and results that fail a test instead of being ignored.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string_view>

#include "crank/engine/fiber.h"
#include "crank/engine/module.h"
#include "crank/engine/store.h"

namespace crank::engine::testing {

/// Compiled or interpreted: suites run under both.
inline std::shared_ptr<Engine> small_engine(bool interpreted = false) {
  static std::shared_ptr<Engine> engines[2];
  auto& slot = engines[interpreted];
  if (!slot) {
    auto made = Engine::create({.interpreted = interpreted, .allocation = Allocation::small});
    if (!made)
      ADD_FAILURE() << made.error().to_string();
    else
      slot = *made;
  }
  return slot;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().to_string();
    std::abort();
  }
  return std::move(*result);
}
inline void must(Result<> result) { EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().to_string()); }

inline std::unique_ptr<Store> new_store(std::shared_ptr<Engine> engine, StoreOptions options = {}) {
  return must(Store::create(std::move(engine), options));
}

}  // namespace crank::engine::testing
