// Calling the embedder's own functions, and telling it things.
//
//     Result<Bytes> rows = co_await host::call("query", "select 1");   // what `reactor.bridge("query", …)` answers there
//     guest::log(LogLevel::information, "started");
#pragma once

#include <string_view>

#include "crank/guest/bridge.h"

namespace crank::guest {

namespace host {

/// Asks the embedder's function `name`; gives its answer, or its error: Code::bad_argument when there is no such function.
/// Cancelling the task ends the wait and tells the host to forget it. Name and argument are read at the await.
inline auto call(std::string_view name [[clang::lifetimebound]],
                 std::span<const std::byte> argument [[clang::lifetimebound]] = {}) noexcept {
  return bridge([name, argument](const Imports& imports, std::uint32_t token, std::uint32_t task) {
    imports.call(token, task, name, argument);
  });
}
inline auto call(std::string_view name [[clang::lifetimebound]],
                 std::string_view argument [[clang::lifetimebound]]) noexcept {
  return call(name, std::as_bytes(std::span(argument.data(), argument.size())));
}

}  // namespace host

/// A line for the host's log. At once, from inside a pump turn.
inline void log(LogLevel level, std::string_view text) noexcept { Bridges::current().imports().log(level, text); }

}  // namespace crank::guest
