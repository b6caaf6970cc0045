// A root: one instantiated component binary with all component instances inside it, the unit of failure, reuse and
// destruction. Its executor groups run on the pool, in parallel with each other and with those of other roots.
//
//   CRANK_TRY(auto root, Root::instantiate(blueprint, imports));
//   CRANK_TRY(auto foo, root->function("foo"));
//   Result<Value> answer = co_await root->call(foo, values(Value::string("hi")));
//
// A trap in any of its guests ends the root: calls in flight and later ones get an Error (Code::trap, then
// Code::root_dead), peers of its streams see DROPPED, dropping its resources does nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crank/async/task.h"
#include "crank/base/result.h"
#include "crank/component/blueprint.h"
#include "crank/component/host.h"
#include "crank/component/program.h"
#include "crank/component/value.h"

namespace crank {
class Runtime;
}

namespace crank::component {

namespace detail {
class RootState;
class Slot;
}  // namespace detail

/// What a root may use up. A guest over a limit traps or gets the answer its ABI has for that (memory.grow: -1).
struct Limits {
  std::uint64_t memory_bytes = 4ull << 30;  ///< each linear memory
  std::uint32_t handles = 1u << 20;         ///< each component instance's table
  std::uint32_t tasks = 1u << 16;           ///< calls in flight into one component instance
  std::uint32_t turn_ticks =
      0;  ///< engine ticks (1 ms) one turn may take, preempted or not, then it is a trap; 0: no limit
};

struct RootOptions {
  std::string name;            ///< for messages: the file name, say
  Runtime* runtime = nullptr;  ///< where its executors run; null: that of the instantiating task or turn
  void* data = nullptr;        ///< HostCall::data; must outlive the root
  Limits limits;
  /// Told once if the root ends by a trap, a deadline or a deadlock, on the thread where that happens, inside the guest's
  /// turn: it may note, not call back.
  std::function<void(const Error& why)> on_trap;
};

/// An exported function looked up once; valid for every root of the same Blueprint. Cheap to copy.
class Function {
 public:
  const FuncType& type() const noexcept { return *type_; }
  const std::string& name() const noexcept { return *name_; }

 private:
  friend class Root;
  friend class Composition;
  friend Result<Function> find_function(const Blueprint& blueprint, std::string_view path);
  const Program* program_ = nullptr;
  FuncSource source_{};
  const FuncType* type_ = nullptr;
  const std::string* name_ = nullptr;
};

/// Finds an export: "foo", "ns:pkg/iface@1.0.0#foo"; a bare name that only one exported instance has is found there,
/// too. Versions match as imports do. missing_export names what there is.
Result<Function> find_function(const Blueprint& blueprint, std::string_view path);

struct CallOptions {
  /// After this long the call is cancelled (the guest is asked); after `grace` more, its root is destroyed (DESIGN, C8).
  std::optional<std::chrono::nanoseconds> timeout;
  std::chrono::nanoseconds grace = std::chrono::seconds(1);
};

class Root : public std::enable_shared_from_this<Root> {
 public:
  /// Instantiates on the calling thread, start functions included. Every import must be in `imports` (the message names
  /// the nearest and who has it). A trap while starting is an Error.
  static Result<std::shared_ptr<Root>> instantiate(std::shared_ptr<const Blueprint> blueprint, const Imports& imports,
                                                   RootOptions options = {});
  ~Root();  ///< the same as destroy()

  Result<Function> function(std::string_view path) const { return find_function(blueprint(), path); }

  /// Calls an export. Arguments must fit the type (checked: bad_argument). A call to an idle root runs nested at once, on
  /// this thread; to a busy one it is enqueued. Cancelling the awaiting task asks the guest (`task.cancel`) and waits
  /// for its answer. Errors: trap, root_dead, cancelled, deadline, deadlock (lists who waits for whom).
  [[nodiscard]] Task<Result<Value>> call(Function function, std::vector<Value> arguments, CallOptions options = {});

  /// Ends it: calls in flight get Code::root_dead; guests do not run again. Memory goes when the last turn has left.
  void destroy();

  enum class State : std::uint8_t { live, trapped, destroyed };
  State state() const noexcept;
  /// Why it ended, if it trapped.
  std::optional<Error> failure() const;

  const Blueprint& blueprint() const noexcept;
  const std::string& name() const noexcept;
  /// Calls from the host that have not been answered yet.
  std::uint32_t calls_in_flight() const noexcept;
  /// Tasks that still run or wait inside, answered ones included (work that outlives its call).
  std::uint32_t tasks_alive() const noexcept;
  /// Waits until tasks_alive() is 0 or the root has ended: what `serve` awaits before it drops a root.
  [[nodiscard]] Task<> drained();

  /// Who waits for whom, one line a waiting task: for people, and for the deadlock error. Asks every group in turn.
  [[nodiscard]] Task<std::string> report();

  explicit Root(detail::RootState& state) noexcept : state_(state) {}  // internal: instantiate() makes them
  detail::RootState& state_record() const noexcept { return state_; }  // internal

 private:
  detail::RootState& state_;
};

/// Arguments in place: `values(Value::string("hi"), Value::u32(3))`.
template <class... V>
std::vector<Value> values(V&&... v) {
  std::vector<Value> out;
  out.reserve(sizeof...(v));
  (out.push_back(std::forward<V>(v)), ...);
  return out;
}

}  // namespace crank::component
