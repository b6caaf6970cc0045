// One driven guest, behind the calls of the contract, synchronous and single threaded: a module in the engine
// (module_guest.h), or the same source compiled into this program (native_guest.h). The Reactor (reactor.h) owns the thread
// and decides when; here each call does one thing, from the top of the stack only.
//
//   enter, resume, cancel ── enqueue inside ──>  pump ── runs jobs ──> GuestHost::on_complete, on_request, …
//
// An Error from any of them is the end of the guest: it trapped, or broke the contract (Code::protocol).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crank/base/result.h"
#include "crank/reactor/contract.h"

namespace crank::reactor {

/// Something the guest asked for from inside a pump turn. The text is the guest's memory: copy what is kept.
struct Request {
  enum class Kind : std::uint8_t { call, http, read, timer };
  Kind kind = Kind::call;
  std::uint32_t token = 0;
  std::uint32_t task = 0;     ///< on whose behalf; 0: detached work
  std::uint32_t number = 0;   ///< http: flags; read: stream
  std::int64_t deadline = 0;  ///< timer: on the clock of `now`
  std::string_view name;      ///< call: of the bridge
  View payload;               ///< call: argument; http: request text
};

/// What a guest reaches of its host. Called inside the guest's calls: must return at once and not call the guest.
class GuestHost {
 public:
  virtual void on_complete(std::uint32_t task, std::uint32_t status, View payload) noexcept = 0;
  virtual void on_request(const Request& request) noexcept = 0;
  virtual void on_forget(std::uint32_t token) noexcept = 0;
  virtual void on_close(std::uint32_t stream) noexcept = 0;
  virtual std::int64_t on_now() noexcept = 0;
  virtual void on_log(LogLevel level, std::string_view text) noexcept = 0;
  virtual void on_trace(std::uint32_t event, std::uint32_t task, std::int64_t value) noexcept = 0;
  /// A drain is over, and the guest stands at the top: `resume` may be called now, and true pumps again at once, with the same
  /// budget. This spares the way out of the guest's fiber and in again. Not to end the guest here.
  virtual bool on_drained(const Pumped& drained) noexcept { return false; }

 protected:
  ~GuestHost() = default;
};

class Guest {
 public:
  virtual ~Guest() = default;
  /// Whether it has that entry.
  virtual bool has(std::string_view entry) const = 0;
  /// Starts an entry: the task's id, or 0 when the guest refused.
  virtual Result<std::uint32_t> enter(std::string_view entry, View argument) = 0;
  /// Runs at most `budget` jobs. Nothing: the turn was preempted in the middle; `go_on` until it has an answer, and no other
  /// call meanwhile.
  virtual Result<std::optional<Pumped>> pump(std::uint32_t budget) = 0;
  virtual Result<std::optional<Pumped>> go_on() = 0;
  virtual Result<Resumed> resume(std::uint32_t token, Status status, View payload) = 0;
  virtual Result<bool> cancel(std::uint32_t task) = 0;
  /// Nanoseconds on the clock of `now`, or -1.
  virtual Result<std::int64_t> deadline() = 0;
  /// What a task (0: any) waits for, in the guest's words; empty if it does not say.
  virtual std::string describe(std::uint32_t task) = 0;
  /// Its whole memory, for tools; empty for native code.
  virtual View memory() const { return {}; }
  /// For a module without `complete`: the answer once its work is over.
  virtual Result<std::optional<Bytes>> poll_done() { return std::optional<Bytes>(); }
  /// The same modules have one task at a time, and no ids: it goes by this one.
  static constexpr std::uint32_t only_task = 1;
};

}  // namespace crank::reactor
