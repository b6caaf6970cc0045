#include "crank/reactor/module_imports.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace crank::reactor {

namespace {

using engine::Caller;
using engine::FuncType;
using engine::RawVal;
using engine::Store;
using engine::Trap;

ModuleImports& self(void* env) noexcept { return *static_cast<ModuleImports*>(env); }

Trap complete(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  View payload;
  Trap trap = nullptr;
  if (self(env).bytes(caller, v[2].u32, v[3].u32, "complete", payload, trap))
    self(env).host().on_complete(v[0].u32, v[1].u32, payload);
  return trap;
}

Trap ask(void* env, const Request& request) noexcept {
  self(env).host().on_request(request);
  return nullptr;
}

Trap http(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  Request request{.kind = Request::Kind::http, .token = v[0].u32, .task = v[1].u32, .number = v[2].u32};
  Trap trap = nullptr;
  if (!self(env).bytes(caller, v[3].u32, v[4].u32, "http", request.payload, trap)) return trap;
  return ask(env, request);
}

Trap read(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  return ask(env, {.kind = Request::Kind::read, .token = v[0].u32, .task = v[1].u32, .number = v[2].u32});
}

Trap close(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  self(env).host().on_close(v[0].u32);
  return nullptr;
}

Trap call(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  Request request{.kind = Request::Kind::call, .token = v[0].u32, .task = v[1].u32};
  Trap trap = nullptr;
  View name;
  if (!self(env).bytes(caller, v[2].u32, v[3].u32, "call", name, trap)) return trap;
  if (!self(env).bytes(caller, v[4].u32, v[5].u32, "call", request.payload, trap)) return trap;
  request.name = as_text(name);
  return ask(env, request);
}

Trap mapped_call(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  auto& mapped = *static_cast<ModuleImports::MappedCall*>(env);
  std::byte integer[8];
  std::memcpy(integer, &v[1], mapped.integer_bytes);
  mapped.imports->host().on_request({.kind = Request::Kind::call,
                                     .token = v[0].u32,
                                     .task = Guest::only_task,
                                     .name = mapped.bridge,
                                     .payload = View(integer, mapped.integer_bytes)});
  return nullptr;
}

Trap timer(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  return ask(env, {.kind = Request::Kind::timer, .token = v[0].u32, .task = v[1].u32, .deadline = v[2].i64});
}

Trap forget(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  self(env).host().on_forget(v[0].u32);
  return nullptr;
}

Trap now(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  v[0].i64 = self(env).host().on_now();
  return nullptr;
}

Trap log(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  View text;
  Trap trap = nullptr;
  if (self(env).bytes(caller, v[1].u32, v[2].u32, "log", text, trap))
    self(env).host().on_log(static_cast<LogLevel>(std::min(v[0].u32, 3u)), as_text(text));
  return trap;
}

Trap trace(void* env, Caller*, RawVal* v, std::size_t) noexcept {
  self(env).host().on_trace(v[0].u32, v[1].u32, v[2].i64);
  return nullptr;
}

// wasi_snapshot_preview1, by witx/wasi_snapshot_preview1.witx.
constexpr std::uint32_t enosys = 52, ebadf = 8;

Trap fd_write(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  Trap trap = nullptr;
  std::uint32_t fd = v[0].u32, vectors = v[1].u32, count = v[2].u32, written_at = v[3].u32;
  if (fd != 1 && fd != 2) {
    v[0].u32 = ebadf;
    return nullptr;
  }
  View table, slot;
  if (count > 1024) count = 1024;
  if (!self(env).bytes(caller, vectors, count * 8, "fd_write", table, trap)) return trap;
  if (!self(env).bytes(caller, written_at, 4, "fd_write", slot, trap)) return trap;
  std::uint32_t total = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t pair[2];
    std::memcpy(pair, table.data() + i * 8, 8);
    View text;
    if (!self(env).bytes(caller, pair[0], pair[1], "fd_write", text, trap)) return trap;
    std::string_view line = as_text(text);
    while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
    if (!line.empty()) self(env).host().on_log(fd == 2 ? LogLevel::warning : LogLevel::information, line);
    total += pair[1];
  }
  std::memcpy(const_cast<std::byte*>(slot.data()), &total, 4);
  v[0].u32 = 0;
  return nullptr;
}

Trap clock_time_get(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  Trap trap = nullptr;
  View slot;
  if (!self(env).bytes(caller, v[2].u32, 8, "clock_time_get", slot, trap)) return trap;
  std::int64_t time =
      v[0].u32 == 0
          ? std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count()
          : self(env).host().on_now();
  std::memcpy(const_cast<std::byte*>(slot.data()), &time, 8);
  v[0].u32 = 0;
  return nullptr;
}

Trap random_get(void* env, Caller* caller, RawVal* v, std::size_t) noexcept {
  Trap trap = nullptr;
  View out;
  if (!self(env).bytes(caller, v[0].u32, v[1].u32, "random_get", out, trap)) return trap;
  auto* at = const_cast<std::byte*>(out.data());
  for (std::size_t left = out.size(); left > 0;) {
    ssize_t n = getrandom(at, std::min<std::size_t>(left, 256), 0);
    if (n <= 0) continue;
    at += n;
    left -= static_cast<std::size_t>(n);
  }
  v[0].u32 = 0;
  return nullptr;
}

Trap proc_exit(void*, Caller* caller, RawVal* v, std::size_t) noexcept {
  return Store::of(caller).raise(Error(Code::trap, concat("the guest ended itself with exit code ", v[0].u32)));
}

Trap not_here(void*, Caller*, RawVal* v, std::size_t) noexcept {
  v[0].u32 = enosys;
  return nullptr;
}

struct Known {
  std::string_view name;
  const char *params, *results;
  engine::HostFunction function;
};
constexpr Known contract_imports[] = {
    {"complete", "iiii", "", complete}, {"http", "iiiii", "", http},  {"read", "iii", "", read},
    {"close", "i", "", close},          {"call", "iiiiii", "", call}, {"timer", "iiI", "", timer},
    {"forget", "i", "", forget},        {"now", "", "I", now},        {"log", "iii", "", log},
    {"trace", "iiI", "", trace},
};
constexpr Known wasi_imports[] = {
    {"fd_write", "iiii", "i", fd_write},
    {"clock_time_get", "iIi", "i", clock_time_get},
    {"random_get", "ii", "i", random_get},
    {"proc_exit", "i", "", proc_exit},
};

const Known* find(std::span<const Known> list, std::string_view name) noexcept {
  for (const Known& known : list) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

}  // namespace

bool ModuleImports::bytes(Caller* caller, std::uint32_t pointer, std::uint32_t length, std::string_view what, View& out,
                          Trap& trap) {
  Store& store = Store::of(caller);
  // A start function may call before the memory is known; it has nothing to say then.
  std::size_t size = memory_ ? store.memory_size(memory_) : 0;
  if (length == 0) {
    out = {};
    return true;
  }
  if (pointer > size || length > size - pointer) {
    trap = store.raise(
        Error(Code::protocol, concat("the guest broke the contract: it called ", what, " with the bytes at ", pointer,
                                     ", length ", length, ", but its memory ends at ", size)));
    return false;
  }
  out = View(reinterpret_cast<const std::byte*>(store.memory_base(memory_)) + pointer, length);
  return true;
}

const NameMap::Call* ModuleImports::mapped(const engine::ImportType& import) const noexcept {
  for (const NameMap::Call& call : names_.calls) {
    if (call.module == import.module && call.name == import.name) return &call;
  }
  return nullptr;
}

Result<> ModuleImports::check(const engine::Module& module) const {
  for (const engine::ImportType& import : module.imports()) {
    std::string name = concat("\"", import.module, "\" \"", import.name, "\"");
    if (import.type.kind != engine::ExternKind::func)
      return fail(Code::missing_import, concat("opening a reactor: it imports the ", name_of(import.type.kind), " ",
                                               name, "; the contract has functions only"));
    const FuncType& type = import.type.func;
    auto wrong = [&](std::string_view wanted) {
      return fail(Code::bad_type, concat("opening a reactor: the import ", name, " has the type ", type.to_string(),
                                         ", wanted is ", wanted));
    };
    if (mapped(import) != nullptr) {
      if (type != FuncType::of("i", "") && type != FuncType::of("ii", "") && type != FuncType::of("iI", ""))
        return wrong("(token), or (token, integer)");
    } else if (import.module == names_.import_module) {
      const Known* known = find(contract_imports, import.name);
      if (known == nullptr)
        return fail(Code::missing_import,
                    concat("opening a reactor: it imports ", name, ", which the contract does not have"));
      if (FuncType wanted = FuncType::of(known->params, known->results); type != wanted)
        return wrong(wanted.to_string());
    } else if (import.module == "wasi_snapshot_preview1") {
      const Known* known = find(wasi_imports, import.name);
      if (known != nullptr && type != FuncType::of(known->params, known->results))
        return wrong(FuncType::of(known->params, known->results).to_string());
      if (known == nullptr && type.results != FuncType::of("", "i").results)
        return wrong("a function of WASI preview 1, which answers i32");
    } else {
      return fail(Code::missing_import, concat("opening a reactor: it imports ", name,
                                               ", which nobody provides; a name mapping can make it a bridge"));
    }
  }
  return {};
}

Result<std::vector<engine::Extern>> ModuleImports::link(Store& store, const engine::Module& module) {
  std::vector<engine::Extern> out;
  for (const engine::ImportType& import : module.imports()) {
    const FuncType& type = import.type.func;
    if (const NameMap::Call* call = mapped(import)) {
      unsigned integer = type.params.size() == 1 ? 0 : type.params[1] == engine::ValType::i64 ? 8 : 4;
      out.push_back(store.host_function(type, mapped_call, &calls_.emplace_back(this, call->bridge, integer)));
    } else if (import.module == names_.import_module) {
      out.push_back(store.host_function(type, find(contract_imports, import.name)->function, this));
    } else {
      const Known* known = find(wasi_imports, import.name);
      out.push_back(store.host_function(type, known != nullptr ? known->function : not_here, this));
    }
  }
  return out;
}

}  // namespace crank::reactor
