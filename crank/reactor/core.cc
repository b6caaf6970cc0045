#include "crank/reactor/core.h"

#include "crank/engine/engine.h"

namespace crank::reactor {

namespace {

constexpr unsigned tolerated_idle_drains = 100;

std::int64_t nanoseconds(Instant when) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}
Instant instant(std::int64_t ns) noexcept {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(ns)));
}

}  // namespace

using Core = Reactor::Core;

// ---- timers ----

void Core::Shot::on_fire(Timer& timer) noexcept {
  struct Fired final : Command {
    std::shared_ptr<Shot> shot;
    explicit Fired(std::shared_ptr<Shot> s) : Command(s->of_call), shot(std::move(s)) {}
    void handle(Core& core) noexcept override {
      std::unique_ptr<Fired> self(this);
      if (shot->wakes)
        core.wake(shot->serial);
      else if (auto call = shot->call.lock())
        core.overdue(*call);
      else
        core.fire(shot->token, shot->serial, shot->status);
    }
  };
  auto& shot = static_cast<Shot&>(timer);
  std::shared_ptr<Shot> self = std::move(shot.keep);
  if (auto core = shot.core.lock()) core->post(*new Fired(std::move(self)));
}

void Core::Shot::disarm(Core& core, std::shared_ptr<Shot>& shot) noexcept {
  if (!shot) return;
  if (core.runtime_.timers().remove(*shot)) shot->keep.reset();
  shot.reset();
}

std::shared_ptr<Core::Shot> Core::arm(std::uint32_t token, std::uint64_t serial, Instant when, Status status) {
  return Shot::set(*this, when, [&](Shot& shot) { shot.token = token, shot.serial = serial, shot.status = status; });
}

// ---- making and ending ----

Core::Core(Runtime& runtime, std::shared_ptr<engine::Engine> engine, ReactorOptions options)
    : runtime_(runtime), engine_(std::move(engine)), options_(std::move(options)) {
  if (!options_.bridges) options_.bridges = std::make_shared<Bridges>();
  job_.run = [](Job* job) noexcept { static_cast<TurnJob*>(job)->core->turn(); };
  job_.core = this;
}

Core::~Core() = default;

Result<> Core::make(const Reactor::MakeGuest& make) {
  CRANK_TRY(guest_, make(*this));
  entries_known_ = [guest = guest_.get()](std::string_view entry) { return guest->has(entry); };
  return {};
}

std::optional<Error> Core::death() const {
  std::lock_guard lock(death_mutex_);
  return death_;
}

// The guest is over: everybody who waits is told, everything that runs for it is stopped.
void Core::die(Error error) {
  if (closing_ && !guest_) return;
  {
    std::lock_guard lock(death_mutex_);
    if (!death_) death_ = error;
  }
  if (options_.log && error.code() != Code::root_dead) {
    std::string line = concat("reactor ", options_.name, " ended: ", error.to_string());
    if (!error.backtrace().empty()) line += concat("\n", error.backtrace());
    options_.log(LogLevel::error, line);
  }
  auto calls = std::exchange(calls_, {});
  for (auto& [task, call] : calls) finish(*call, std::unexpected(error));
  for (auto& call : std::exchange(to_enter_, {})) finish(*call, std::unexpected(error));
  std::vector<std::uint32_t> tokens;
  pending_.each([&](std::uint32_t token, Pending&) { tokens.push_back(token); });
  for (std::uint32_t token : tokens) drop(token);
  asked_.clear();
  refused_.clear();
  to_stop_.clear();
  streams_.clear();
  Shot::disarm(*this, wake_shot_);
  abandoned_.clear();
  pump_wanted_ = in_pump_ = false;
  entries_known_ = nullptr;
  guest_.reset();
  check_over();
}

void Core::close(std::optional<Closer> closer) {
  if (closer) closers_.emplace_back(std::move(*closer), report());
  if (!guest_) return check_over();
  closing_ = true;
  if (options_.log && pending_.size() != 0) {
    for (const PendingReport& left : report().pending)
      options_.log(LogLevel::warning, concat("reactor ", options_.name, " is closed: ", left.to_string()));
  }
  die(Error(Code::root_dead, concat("the reactor ", options_.name, " was closed")));
}

void Core::launched_ended() noexcept {
  --launched_;
  check_over();
}

// Rule 5.
void Core::check_over() noexcept {
  if (guest_ || launched_ != 0) return;
  if (!over_.exchange(true, std::memory_order_acq_rel) && options_.ended) options_.ended();
  for (auto& [closer, last] : std::exchange(closers_, {})) closer.resume(std::move(last));
}

// ---- turns ----

void Core::post(Command& command) {
  if (inbox_.push(command)) {
    keep_ = shared_from_this();
    schedule(Priority::medium);
  }
}

void Core::schedule(Priority priority) {
  job_.priority = priority;
  runtime_.enqueue(job_);
}

void Core::turn() noexcept {
  std::shared_ptr<Core> keep = std::move(keep_);
  std::optional<engine::Engine::Presence> presence;
  if (engine_) presence.emplace(*engine_);
  ++counts_.turns;
  if (run_turn()) return;  // idle: from here on another thread may be in a turn
  keep_ = std::move(keep);
  presence.reset();
  // Whoever gives way lets others of the same urgency go first.
  schedule(Priority::utility);
}

bool Core::run_turn() {
  turn_drains_ = 0;
  now_ = runtime_.now();
  for (;;) {
    if (guest_ && in_pump_) handle_urgent();
    if (guest_ && (in_pump_ || pump_wanted_)) {
      if (turn_drains_++ >= options_.drains) return false;
      if (!drain()) return false;
      continue;
    }
    if (taken_ == nullptr) taken_ = inbox_.take();
    if (taken_ != nullptr) {
      auto* command = static_cast<Command*>(taken_);
      taken_ = taken_->next;
      command->handle(*this);
      start_requests();
      continue;
    }
    if (guest_) settle();
    if (pump_wanted_ || !asked_.empty()) continue;
    if (inbox_.go_idle()) return true;
  }
}

// What cannot wait until a guest that computes comes back: deadlines, cancellations, reports, the end.
void Core::handle_urgent() {
  Message** end = &taken_;
  while (*end != nullptr) end = &(*end)->next;
  *end = inbox_.take();
  for (Message** at = &taken_; *at != nullptr && guest_;) {
    auto* command = static_cast<Command*>(*at);
    if (!command->urgent) {
      at = &(*at)->next;
      continue;
    }
    *at = command->next;
    command->handle(*this);
  }
}

bool Core::drain() {
  if (!in_pump_) pump_began_ = now_;
  pump_wanted_ = false;
  auto pumped = in_pump_ ? guest_->go_on() : guest_->pump(options_.budget);
  ++counts_.drains;
  if (!pumped) {
    in_pump_ = false;
    die(std::move(pumped).error());
    return true;
  }
  in_pump_ = !pumped->has_value();
  if (in_pump_) {
    ++counts_.preemptions;
    now_ = runtime_.now();
    if (options_.limits.pump_call > Duration::zero() && now_ - pump_began_ > options_.limits.pump_call)
      die(Error(Code::deadline,
                concat("one pump call has not returned for ",
                       std::chrono::duration_cast<std::chrono::milliseconds>(now_ - pump_began_).count(), " ms")));
    return !guest_;
  }
  if (std::exchange(log_lines_, 0) != 0) {
    if (std::uint32_t dropped = std::exchange(log_dropped_, 0); dropped != 0)
      on_log(LogLevel::warning, concat(dropped, " lines of the guest's log were dropped"));
  }
  const Pumped& result = **pumped;
  counts_.jobs += result.ran;
  pump_wanted_ = pump_wanted_ || result.ready > 0;
  if (result.ready > options_.limits.ready) {
    die(Error(Code::limit,
              concat("the guest has ", result.ready, " jobs ready, the limit is ", options_.limits.ready)));
    return true;
  }
  idle_drains_ = result.ready > 0 && result.ran == 0 ? idle_drains_ + 1 : 0;
  if (idle_drains_ > tolerated_idle_drains) {
    die(Error(Code::protocol, concat("the guest broke the contract: its pump says that ", result.ready,
                                     " jobs are ready, and runs none")));
    return true;
  }
  if (!calls_.empty()) {
    if (auto found = calls_.find(Guest::only_task); found != calls_.end()) {
      auto over = guest_->poll_done();
      if (!over)
        die(std::move(over).error());
      else if (*over)
        finish(*std::shared_ptr<Call>(found->second), std::move(**over));
      if (!guest_) return true;
    }
  }
  after_pump();
  start_requests();
  return true;
}

void Core::after_pump() {
  for (std::uint32_t task : std::exchange(to_stop_, {})) {
    if (guest_) ask_to_stop(task);
  }
  for (auto& call : std::exchange(to_enter_, {})) {
    if (guest_)
      enter(std::move(call));
    else
      start(std::move(call));  // which says why not
  }
}

void Core::ask_to_stop(std::uint32_t task) {
  if (in_pump_) return to_stop_.push_back(task);
  auto asked = guest_->cancel(task);
  if (!asked) return die(std::move(asked).error());
  pump_wanted_ = options_.drive;
}

void Core::fail_guest(Error error) {
  if (!between_drains_) return die(std::move(error));
  if (!broken_) broken_ = std::move(error);
}

// The short way from one drain to the next, while everything the guest asked for is answered at once and nobody waits.
bool Core::on_drained(const Pumped& drained) noexcept {
  if (turn_drains_ >= options_.drains || broken_ || !refused_.empty() || !closed_.empty() || !to_stop_.empty() ||
      !to_enter_.empty() || log_dropped_ != 0 || !inbox_.empty())
    return false;
  if (drained.ready > options_.limits.ready || (drained.ran == 0 && drained.ready != 0)) return false;
  for (std::uint32_t token : asked_) {
    const Pending* pending = pending_.find(token);
    if (pending == nullptr || pending->kind != Request::Kind::call) return false;
    const Bridges::Entry* entry = find_bridge(pending->name);
    if (entry == nullptr || !entry->immediate) return false;
  }
  bool asked = !asked_.empty();
  between_drains_ = true;
  for (std::size_t i = 0; i < asked_.size(); ++i) start_named(*pending_.find(asked_[i]));
  between_drains_ = false;
  asked_.clear();
  if (broken_ || (drained.ready == 0 && !asked)) return false;
  ++turn_drains_;
  ++counts_.drains;
  counts_.jobs += drained.ran;
  pump_wanted_ = false;
  return true;
}

// Nothing is ready and nothing has arrived: when does the guest go on, if ever?
void Core::settle() {
  auto next = guest_->deadline();
  if (!next) return die(std::move(next).error());
  if (*next >= 0 && options_.drive) {
    now_ = runtime_.now();
    if (instant(*next) <= now_) {
      due_again_ = *next == due_at_ ? due_again_ + 1 : 0;
      due_at_ = *next;
      if (due_again_ > tolerated_idle_drains)
        return die(
            Error(Code::protocol, "the guest broke the contract: its timer stays due however often it is pumped"));
      pump_wanted_ = true;
      return;
    }
    if (*next != wake_at_ || !wake_shot_) {
      Shot::disarm(*this, wake_shot_);
      wake_at_ = *next;
      wake_shot_ =
          Shot::set(*this, instant(*next), [&](Shot& shot) { shot.wakes = true, shot.serial = ++wake_serial_; });
    }
    return;
  }
  Shot::disarm(*this, wake_shot_);
  if (!calls_.empty() && pending_.size() == 0 && inbox_.empty()) report_stuck();
}

void Core::wake(std::uint64_t serial) {
  if (!guest_ || serial != wake_serial_) return;
  wake_shot_.reset();
  now_ = runtime_.now();
  pump_wanted_ = true;
}

// ---- the guest speaks ----

void Core::on_complete(std::uint32_t task, std::uint32_t status, View payload) noexcept {
  auto found = calls_.find(task);
  if (found == calls_.end()) {
    abandoned_.erase(task);
    ++counts_.ignored_completes;
    return;
  }
  std::shared_ptr<Call> call = found->second;
  if (status == 0 && payload.size() > options_.limits.payload)
    return finish(*call, fail(Code::limit, concat("\"", call->entry, "\" answered ", payload.size(),
                                                  " bytes, the limit is ", options_.limits.payload)));
  if (status == 0)
    finish(*call, Bytes(payload.begin(), payload.end()));
  else
    finish(*call, std::unexpected(error_of(status, as_text(payload).substr(0, 4096))));
}

std::int64_t Core::on_now() noexcept { return nanoseconds(runtime_.now()); }

void Core::on_log(LogLevel level, std::string_view text) noexcept {
  if (!options_.log) return;
  if (log_lines_++ < options_.limits.log_lines)
    options_.log(level, text.substr(0, options_.limits.log_line));
  else
    ++log_dropped_;
}

void Core::on_trace(std::uint32_t event, std::uint32_t task, std::int64_t value) noexcept {
  if (options_.trace) options_.trace(event, task, value);
}

}  // namespace crank::reactor
