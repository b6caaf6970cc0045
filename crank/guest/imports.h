// What the host gives a guest (docs/reactor-abi.md, imports). In a wasm32 guest these are imports of the module `crank` and
// cost nothing that is not used; natively they are a table, so that the same source runs compiled into its host, or under a
// test. Every import returns at once and never re-enters the guest; memory passed is read before it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace crank::guest {

/// How a task or a bridge ended (docs/reactor-abi.md, statuses). For all but ok the payload is a sentence.
enum class Status : std::uint32_t { ok, failed, cancelled, deadline, refused, limit, io, protocol };

enum class LogLevel : std::uint32_t { error, warning, information, debug };

/// `flags` of an http request.
enum class HttpFlags : std::uint32_t { whole = 0, in_chunks = 1 };

#if defined(__wasm__)

namespace imported {
#define CRANK_GUEST_IMPORT(name) __attribute__((__import_module__("crank"), __import_name__(name)))
extern "C" {
CRANK_GUEST_IMPORT("complete")
void crank_import_complete(std::uint32_t, std::uint32_t, const std::byte*, std::uint32_t);
CRANK_GUEST_IMPORT("http")
void crank_import_http(std::uint32_t, std::uint32_t, std::uint32_t, const std::byte*, std::uint32_t);
CRANK_GUEST_IMPORT("read") void crank_import_read(std::uint32_t, std::uint32_t, std::uint32_t);
CRANK_GUEST_IMPORT("close") void crank_import_close(std::uint32_t);
CRANK_GUEST_IMPORT("call")
void crank_import_call(std::uint32_t, std::uint32_t, const char*, std::uint32_t, const std::byte*, std::uint32_t);
CRANK_GUEST_IMPORT("timer") void crank_import_timer(std::uint32_t, std::uint32_t, std::int64_t);
CRANK_GUEST_IMPORT("forget") void crank_import_forget(std::uint32_t);
CRANK_GUEST_IMPORT("now") std::int64_t crank_import_now();
CRANK_GUEST_IMPORT("log") void crank_import_log(std::uint32_t, const char*, std::uint32_t);
CRANK_GUEST_IMPORT("trace") void crank_import_trace(std::uint32_t, std::uint32_t, std::int64_t);
}
#undef CRANK_GUEST_IMPORT
}  // namespace imported

struct Imports {
  using Bytes = std::span<const std::byte>;
  static std::uint32_t length(std::size_t size) noexcept { return static_cast<std::uint32_t>(size); }

  void complete(std::uint32_t task, Status status, Bytes payload) const noexcept {
    imported::crank_import_complete(task, static_cast<std::uint32_t>(status), payload.data(), length(payload.size()));
  }
  void http(std::uint32_t token, std::uint32_t task, HttpFlags flags, Bytes request) const noexcept {
    imported::crank_import_http(token, task, static_cast<std::uint32_t>(flags), request.data(), length(request.size()));
  }
  void read(std::uint32_t token, std::uint32_t task, std::uint32_t stream) const noexcept {
    imported::crank_import_read(token, task, stream);
  }
  void close(std::uint32_t stream) const noexcept { imported::crank_import_close(stream); }
  void call(std::uint32_t token, std::uint32_t task, std::string_view name, Bytes argument) const noexcept {
    imported::crank_import_call(token, task, name.data(), length(name.size()), argument.data(),
                                length(argument.size()));
  }
  void timer(std::uint32_t token, std::uint32_t task, std::int64_t deadline) const noexcept {
    imported::crank_import_timer(token, task, deadline);
  }
  void forget(std::uint32_t token) const noexcept { imported::crank_import_forget(token); }
  std::int64_t now() const noexcept { return imported::crank_import_now(); }
  void log(LogLevel level, std::string_view text) const noexcept {
    imported::crank_import_log(static_cast<std::uint32_t>(level), text.data(), length(text.size()));
  }
  void trace(std::uint32_t event, std::uint32_t task, std::int64_t value) const noexcept {
    imported::crank_import_trace(event, task, value);
  }
};

#else

/// The table, filled by whoever drives a natively compiled module. Functions must not call back into the pump.
struct ImportTable {
  using Bytes = std::span<const std::byte>;
  void (*complete)(void* context, std::uint32_t task, Status status, Bytes payload) noexcept = nullptr;
  void (*http)(void* context, std::uint32_t token, std::uint32_t task, HttpFlags flags,
               Bytes request) noexcept = nullptr;
  void (*read)(void* context, std::uint32_t token, std::uint32_t task, std::uint32_t stream) noexcept = nullptr;
  void (*close)(void* context, std::uint32_t stream) noexcept = nullptr;
  void (*call)(void* context, std::uint32_t token, std::uint32_t task, std::string_view name,
               Bytes argument) noexcept = nullptr;
  void (*timer)(void* context, std::uint32_t token, std::uint32_t task, std::int64_t deadline) noexcept = nullptr;
  void (*forget)(void* context, std::uint32_t token) noexcept = nullptr;
  std::int64_t (*now)(void* context) noexcept = nullptr;
  void (*log)(void* context, LogLevel level, std::string_view text) noexcept = nullptr;
  void (*trace)(void* context, std::uint32_t event, std::uint32_t task, std::int64_t value) noexcept = nullptr;
};

/// A table and what it works on. The table outlives it; every function a module uses must be there.
struct Imports {
  using Bytes = ImportTable::Bytes;
  const ImportTable* table = nullptr;
  void* context = nullptr;

  void complete(std::uint32_t task, Status status, Bytes payload) const noexcept {
    table->complete(context, task, status, payload);
  }
  void http(std::uint32_t token, std::uint32_t task, HttpFlags flags, Bytes request) const noexcept {
    table->http(context, token, task, flags, request);
  }
  void read(std::uint32_t token, std::uint32_t task, std::uint32_t stream) const noexcept {
    table->read(context, token, task, stream);
  }
  void close(std::uint32_t stream) const noexcept { table->close(context, stream); }
  void call(std::uint32_t token, std::uint32_t task, std::string_view name, Bytes argument) const noexcept {
    table->call(context, token, task, name, argument);
  }
  void timer(std::uint32_t token, std::uint32_t task, std::int64_t deadline) const noexcept {
    table->timer(context, token, task, deadline);
  }
  void forget(std::uint32_t token) const noexcept { table->forget(context, token); }
  std::int64_t now() const noexcept { return table->now(context); }
  void log(LogLevel level, std::string_view text) const noexcept { table->log(context, level, text); }
  void trace(std::uint32_t event, std::uint32_t task, std::int64_t value) const noexcept {
    table->trace(context, event, task, value);
  }
};

#endif

}  // namespace crank::guest
