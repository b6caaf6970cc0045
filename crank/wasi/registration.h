// How an interface of WASI is registered: a table of names and functions. Users don't read this.
#pragma once

#include <memory>
#include <span>

#include "crank/component/host.h"
#include "crank/wasi/context.h"

namespace crank::wasi {

using component::HostCall;
using component::Imports;
using component::Ref;
using component::Value;

using PlainFunction = Result<Value> (*)(Context& context, std::span<Value> arguments);
using AsyncFunction = Task<Result<Value>> (*)(std::shared_ptr<Context> context, HostCall call,
                                              std::vector<Value> arguments);

struct PlainEntry {
  const char* name;
  PlainFunction function;
};
struct AsyncEntry {
  const char* name;
  AsyncFunction function;
};

/// An async function with its context.
struct Bound {
  std::shared_ptr<Context> context;
  AsyncFunction function;
  [[clang::coro_wrapper]] Task<Result<Value>> operator()(HostCall call, std::vector<Value> arguments) const {
    return function(context, std::move(call), std::move(arguments));
  }
};

inline void add_functions(Imports::Interface& interface, const std::shared_ptr<Context>& context,
                          std::span<const PlainEntry> plain, std::span<const AsyncEntry> async = {}) {
  for (auto& entry : plain)
    interface.function(entry.name, [context, function = entry.function](HostCall&, std::span<Value> arguments) {
      return function(*context, arguments);
    });
  for (auto& entry : async) interface.async_function(entry.name, Bound{context, entry.function});
}

/// The resource behind a handle argument; the linker has checked its type.
template <class T>
T& object(const Value& handle) {
  return *static_cast<T*>(handle.as_handle());
}
/// Ownership of it.
template <class T>
Ref<T> take_object(Value& handle) {
  return Ref<T>::adopt(static_cast<T*>(handle.take_handle().leak()));
}

template <class... V>
Value tuple(V&&... elements) {
  std::vector<Value> all;
  all.reserve(sizeof...(elements));
  (all.push_back(std::forward<V>(elements)), ...);
  return Value::list(std::move(all));
}
inline Value option(std::optional<std::string> text) {
  return text ? Value::some(Value::string(std::move(*text))) : Value::none_option();
}

}  // namespace crank::wasi
