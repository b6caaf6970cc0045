// Internal: the body of a Reactor (reactor.h has the picture and the rules). Everything but post(), answered() and death()
// runs in its turn: one thread at a time, on the runtime it was opened with.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crank/async/continuation.h"
#include "crank/async/job.h"
#include "crank/async/spawn.h"
#include "crank/reactor/inbox.h"
#include "crank/reactor/reactor.h"
#include "crank/reactor/token_table.h"

namespace crank::reactor {

class Reactor::Core final : public GuestHost, public std::enable_shared_from_this<Core> {
 public:
  struct Command : Message {
    virtual ~Command() = default;
    explicit Command(bool pressing = false) noexcept : urgent(pressing) {}
    /// In the turn. Deletes itself if it was made with new.
    virtual void handle(Core& core) noexcept = 0;
    /// Also while a turn of the guest's is suspended in the middle: it does not enter the guest (P7).
    const bool urgent;
  };
  struct Call;
  struct Shot;

  Core(Runtime& runtime, std::shared_ptr<engine::Engine> engine, ReactorOptions options);
  ~Core();
  Result<> make(const Reactor::MakeGuest& make);

  Runtime& runtime() noexcept { return runtime_; }
  const ReactorOptions& options() const noexcept { return options_; }
  bool has(std::string_view entry) const { return entries_known_ && entries_known_(entry); }

  // ---- from any thread ----
  void post(Command& command);
  /// What came of a bridge: bytes, or a response whose body may go on.
  struct Answer {
    Result<Bytes> bytes;
    std::optional<HttpAnswer> response = {};
  };
  /// A bridge is done: resumes the guest, in the turn that started the bridge or in one of its own. The last thing its task does.
  void answered(std::uint32_t token, std::uint64_t serial, Answer answer);
  std::optional<Error> death() const;
  /// The guest is gone, and so is everything that ran for it: no turn is needed to end it.
  bool over() const noexcept { return over_.load(std::memory_order_acquire); }

  // ---- in the turn ----
  void add_bridge(std::string name, Bridge bridge, Duration deadline) {
    own_bridges_.add(std::move(name), std::move(bridge), deadline);
  }
  void start(std::shared_ptr<Call> call);
  void cancel(Call& call);
  void overdue(Call& call);
  void fire(std::uint32_t token, std::uint64_t serial, Status status);
  void wake(std::uint64_t serial);
  Resumed deliver(std::uint32_t token, std::optional<std::uint64_t> serial, Result<Bytes> answer);
  ReactorReport report();
  Bytes snapshot() const { return guest_ ? Bytes(guest_->memory().begin(), guest_->memory().end()) : Bytes(); }
  using Closer = Continuation<ReactorReport>;
  /// Ends the guest; `closer` is told once everything that ran for it has ended, too.
  void close(std::optional<Closer> closer = {});

  // ---- GuestHost: inside the guest's calls ----
  void on_complete(std::uint32_t task, std::uint32_t status, View payload) noexcept override;
  void on_request(const Request& request) noexcept override;
  void on_forget(std::uint32_t token) noexcept override;
  void on_close(std::uint32_t stream) noexcept override;
  std::int64_t on_now() noexcept override;
  void on_log(LogLevel level, std::string_view text) noexcept override;
  void on_trace(std::uint32_t event, std::uint32_t task, std::int64_t value) noexcept override;
  bool on_drained(const Pumped& drained) noexcept override;

 private:
  struct Pending {
    Request::Kind kind = Request::Kind::call;
    std::uint32_t token = 0, task = 0, number = 0;
    std::uint64_t serial = 0;
    std::int64_t deadline = 0;
    Instant since{};
    std::string name;
    Bytes payload;
    std::optional<TaskHandle<void>> work;
    std::shared_ptr<Shot> shot;
  };
  struct TurnJob : Job {
    Core* core = nullptr;
  };

  const Bridges::Entry* find_bridge(std::string_view name) const {
    const Bridges::Entry* own = own_bridges_.find(name);
    return own != nullptr ? own : options_.bridges->find(name);
  }
  void schedule(Priority priority);
  void turn() noexcept;
  void fail_guest(Error error);  // ends it, now or after the guest call
  bool run_turn();               // true: idle now; false: goes on in another turn
  bool drain();                  // false: preempted, or enough for this turn
  void handle_urgent();
  void ask_to_stop(std::uint32_t task);
  void enter(std::shared_ptr<Call> call);
  void after_pump();
  void settle();
  void report_stuck();
  void start_requests();
  void start_request(Pending& pending);
  void start_named(Pending& pending);
  void start_http(Pending& pending);
  void start_read(Pending& pending);
  void launch(std::uint32_t token, std::uint64_t serial, Task<> task);
  Resumed deliver_answer(std::uint32_t token, std::uint64_t serial, Answer answer);
  void launched_ended() noexcept;
  void check_over() noexcept;
  void drop(std::uint32_t token) noexcept;
  std::shared_ptr<Shot> arm(std::uint32_t token, std::uint64_t serial, Instant when, Status status);
  void finish(Call& call, Result<Bytes> result);
  void die(Error error);
  std::string describe(const Pending& pending) const;
  std::string waits_for(const Call& call);

  static Task<> run_named(std::shared_ptr<Core> core, std::uint32_t token, std::uint64_t serial, Bridge bridge,
                          BridgeRequest request);
  static Task<> run_http(std::shared_ptr<Core> core, std::uint32_t token, std::uint64_t serial, HttpQuery query);
  static Task<> run_read(std::shared_ptr<Core> core, std::uint32_t token, std::uint64_t serial,
                         std::shared_ptr<HttpBody> body);

  Runtime& runtime_;
  std::shared_ptr<engine::Engine> engine_;
  ReactorOptions options_;
  Bridges own_bridges_;
  std::unique_ptr<Guest> guest_;
  std::function<bool(std::string_view)> entries_known_;

  Inbox inbox_;
  Message* taken_ = nullptr;  // of the inbox, oldest first
  TurnJob job_;
  std::shared_ptr<Core> keep_;  // while a turn is scheduled

  std::unordered_map<std::uint32_t, std::shared_ptr<Call>> calls_;
  std::unordered_set<std::uint32_t> abandoned_;  // tasks whose caller has its answer already
  TokenTable<Pending> pending_;
  std::vector<std::uint32_t> asked_;    // tokens to be started after this guest call
  std::vector<std::uint32_t> refused_;  // tokens over the limit
  // For when the turn of the guest's that was preempted is over: tasks to be cancelled, calls to be entered.
  std::vector<std::uint32_t> to_stop_;
  std::vector<std::shared_ptr<Call>> to_enter_;
  std::unordered_map<std::uint32_t, std::shared_ptr<HttpBody>> streams_;
  std::vector<std::shared_ptr<HttpBody>> closed_;
  std::uint32_t next_stream_ = 0;
  std::uint64_t next_serial_ = 0;
  std::size_t launched_ = 0;  // tasks of bridges that have not ended, forgotten ones too
  std::vector<std::pair<Closer, ReactorReport>> closers_;

  std::optional<Error> broken_;                    // the contract, inside a guest call: ends the guest after it
  std::uint32_t log_lines_ = 0, log_dropped_ = 0;  // of this drain
  bool pump_wanted_ = false, in_pump_ = false, closing_ = false;
  unsigned turn_drains_ = 0;     // of this turn
  bool between_drains_ = false;  // in on_drained: nothing may end the guest
  unsigned idle_drains_ = 0;     // in a row that ran nothing although jobs were ready
  unsigned due_again_ = 0;       // in a row that the same timer was due although it was pumped
  std::int64_t due_at_ = -1;
  Instant pump_began_{}, now_{};
  std::shared_ptr<Shot> wake_shot_;
  std::int64_t wake_at_ = -1;
  std::uint64_t wake_serial_ = 0;

  ReactorReport counts_;
  mutable std::mutex death_mutex_;
  std::optional<Error> death_;
  std::atomic<bool> over_{false};
};

/// One call in flight. Owned by its caller's frame, the table of calls, and the messages on their way.
struct Reactor::Core::Call : std::enable_shared_from_this<Call> {
  std::string entry;
  Bytes argument;
  Duration deadline{};
  bool waits_for_calls = false;
  std::optional<Continuation<Result<Bytes>>> done;
  std::uint32_t task = 0;
  Instant since{};
  bool taken = false, started = false, over = false;  // by the reactor; in the guest; its caller has the answer
  std::atomic<bool> cancel_asked{false};
  std::shared_ptr<Shot> shot;
};

/// A timer that posts once: for a call's deadline, a bridge's deadline, a guest's timer, or the guest's own timers.
struct Reactor::Core::Shot : Timer, std::enable_shared_from_this<Shot> {
  std::weak_ptr<Core> core;
  std::weak_ptr<Call> call;
  std::uint32_t token = 0;
  std::uint64_t serial = 0;
  Status status = Status::ok;
  bool wakes = false, of_call = false;
  void set_call(const std::shared_ptr<Call>& whose) {
    call = whose;
    of_call = true;
  }
  std::shared_ptr<Shot> keep;  // until it has fired or was disarmed
  Shot() : Timer(on_fire) {}
  static void on_fire(Timer& timer) noexcept;
  static std::shared_ptr<Shot> set(Core& core, Instant when, auto fill);
  static void disarm(Core& core, std::shared_ptr<Shot>& shot) noexcept;
};

std::shared_ptr<Reactor::Core::Shot> Reactor::Core::Shot::set(Core& core, Instant when, auto fill) {
  auto shot = std::make_shared<Shot>();
  shot->core = core.weak_from_this();
  shot->keep = shot;
  fill(*shot);
  core.runtime_.timers().add(*shot, when);
  return shot;
}

}  // namespace crank::reactor
