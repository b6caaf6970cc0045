// What the host gives to components: functions, resource types and instances by interface name.
//
// A host function sees Values, never guest memory. The plain form is called nested in the guest's turn and must not
// block: it is the fast one. The async form is a Task: it starts at once, nested in the guest's turn, and wherever it
// suspends the guest goes on; it finishes on any thread, and its result is lowered on the guest's own executor.
//
//   Imports imports;
//   imports.interface("wasi:clocks/monotonic-clock@0.3.0")
//       .function("now", [](HostCall&, std::span<Value>) -> Result<Value> { return Value::u64(now()); })
//       .async_function("wait-for", [](HostCall call, std::vector<Value> v) -> Task<Result<Value>> { … });
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "crank/async/task.h"
#include "crank/base/result.h"
#include "crank/component/program.h"
#include "crank/component/value.h"

namespace crank::component {

class Root;
/// What a host function may ask about the call it serves. Cheap to copy; keeps the calling root alive.
class HostCall {
 public:
  /// The root whose guest called. It may be dead by the time an async function looks.
  Root& root() const noexcept { return *root_; }
  std::shared_ptr<Root> shared_root() const { return root_; }
  /// The calling component instance, by the name the binary gives it.
  std::string_view instance() const noexcept { return instance_; }
  /// The imported interface (as the guest spells it, with its version) and function.
  std::string_view interface() const noexcept { return import_->interface; }
  std::string_view name() const noexcept { return import_->name; }
  const FuncType& type() const noexcept { return *import_->type; }
  /// RootOptions::data of the calling root, as given.
  template <class T>
  T& data() const {
    return *static_cast<T*>(data_);
  }
  bool has_data() const noexcept { return data_ != nullptr; }

  HostCall(std::shared_ptr<Root> root, std::string_view instance, const Import& import, void* data)
      : root_(std::move(root)), instance_(instance), import_(&import), data_(data) {}

 private:
  std::shared_ptr<Root> root_;
  std::string_view instance_;
  const Import* import_;
  void* data_;
};

/// Called nested in the guest's turn, on its executor; may move out of `arguments`; must not block. A function without
/// a result answers Value(). An Error traps the caller and ends its root with that error as the cause.
using HostFunction = std::function<Result<Value>(HostCall& call, std::span<Value> arguments)>;

/// Serves async-typed functions only. Started nested in the guest's turn, so what it does before its first suspension
/// costs no hop; afterwards it runs wherever its awaits leave it (generic executor by default). When the guest cancels
/// the subtask, or its root ends, the task is cancelled: answering Code::cancelled then resolves the subtask as
/// cancelled, answering a value resolves it as returned. Borrowed handles are only valid until it ends.
///
/// Made of any callable with that signature, a coroutine lambda included: it lives as long as the roots that import it.
class AsyncHostFunction {
 public:
  AsyncHostFunction() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, AsyncHostFunction> &&
             std::is_invocable_r_v<Task<Result<Value>>, F&, HostCall, std::vector<Value>>)
  AsyncHostFunction(F function)
      : body_(std::make_shared<Callable<F>>(std::move(function))) {}  // NOLINT: as std::function
  [[clang::coro_wrapper]] Task<Result<Value>> operator()(HostCall call, std::vector<Value> arguments) const {
    return body_->run(std::move(call), std::move(arguments));
  }
  explicit operator bool() const noexcept { return body_ != nullptr; }

 private:
  struct Body {
    virtual ~Body() = default;
    [[clang::coro_wrapper]] virtual Task<Result<Value>> run(HostCall call, std::vector<Value> arguments) = 0;
  };
  template <class F>
  struct Callable final : Body {
    explicit Callable(F f) : function(std::move(f)) {}
    [[clang::coro_wrapper]] Task<Result<Value>> run(HostCall call, std::vector<Value> arguments) override {
      return function(std::move(call), std::move(arguments));
    }
    F function;
  };
  std::shared_ptr<Body> body_;
};

/// Everything the host provides. Built once, then shared read-only by any number of links and roots.
class Imports {
 public:
  /// One instance the host provides (or "", the functions imported at top level).
  class Interface {
   public:
    Interface& function(std::string name, HostFunction body);
    Interface& async_function(std::string name, AsyncHostFunction body);
    /// A resource type of the host. Its handles are HandleObjects (value.h): lowering an own or borrow puts a reference
    /// into the guest's table, dropping the own releases it, lifting hands the object to the function. There is no
    /// further destructor: HandleObject::dispose is it.
    Interface& resource(std::string name);

   private:
    friend class Imports;
    struct Item {
      HostFunction plain;
      AsyncHostFunction async;
      bool is_resource = false;
    };
    std::map<std::string, Item, std::less<>> items_;
  };

  /// The interface of that name, made if it is new. "" stands for the component's top level.
  Interface& interface(std::string_view name);
  /// Takes over everything of `other`; what both have, `other` overrides.
  void merge(const Imports& other);

  /// What satisfies an import. An exact name wins; else the newest registered version that is semver-compatible with
  /// the one asked for (same major, or same minor below 1.0, either newer or older patch). Null if there is none.
  struct Found {
    const HostFunction* plain = nullptr;
    const AsyncHostFunction* async = nullptr;
    bool is_resource = false;
    explicit operator bool() const noexcept { return plain || async || is_resource; }
  };
  Found find(std::string_view interface, std::string_view name) const;
  bool has_interface(std::string_view interface) const;
  /// The registered `interface#name` nearest to a missing one, for messages; empty if nothing is near.
  std::string nearest(std::string_view interface, std::string_view name) const;
  /// Every registered `interface#name`.
  std::vector<std::string> items() const;

 private:
  const Interface* lookup(std::string_view interface) const;
  std::map<std::string, Interface, std::less<>> interfaces_;
};

/// Whether a thing named `given` may stand where `wanted` is asked for: equal, or semver-compatible versions of one name.
bool versions_match(std::string_view wanted, std::string_view given);

}  // namespace crank::component
