#include "crank/reactor/reactor.h"

#include "crank/async/cancellation.h"
#include "crank/reactor/core.h"
#include "crank/reactor/module_guest.h"

namespace crank::reactor {

namespace {

constexpr bool urgent = true;

// A command made of a function, once.
template <class Core, class Function>
void post(const std::shared_ptr<Core>& core, Function function, bool pressing = false) {
  struct Once final : Core::Command {
    Function function;
    Once(Function f, bool pressing) : Core::Command(pressing), function(std::move(f)) {}
    void handle(Core& c) noexcept override {
      std::unique_ptr<Once> self(this);
      function(c);
    }
  };
  core->post(*new Once(std::move(function), pressing));
}

}  // namespace

Reactor::Reactor(std::shared_ptr<Core> core) noexcept : core_(std::move(core)) {}

Result<std::shared_ptr<Reactor>> Reactor::open(Runtime& runtime, MakeGuest make, ReactorOptions options,
                                               std::shared_ptr<engine::Engine> engine) {
  auto core = std::make_shared<Core>(runtime, std::move(engine), std::move(options));
  CRANK_TRY_VOID(core->make(make));
  return std::shared_ptr<Reactor>(new Reactor(std::move(core)));
}

Result<std::shared_ptr<Reactor>> Reactor::open(Runtime& runtime, std::shared_ptr<engine::Engine> engine,
                                               const engine::Module& module, ReactorOptions options) {
  ModuleOptions guest{.names = options.names,
                      .memory_bytes = options.limits.memory_bytes,
                      .slice = options.slice,
                      .drive = options.drive};
  auto make = [&](GuestHost& host) { return make_module_guest(engine, module, host, std::move(guest)); };
  return open(runtime, make, std::move(options), engine);
}

Reactor::~Reactor() {
  // After close() the runtime may be gone: no turn is asked for.
  if (core_->over()) return;
  post(core_, [](Core& core) { core.close(); }, urgent);
}

const std::string& Reactor::name() const noexcept { return core_->options().name; }
bool Reactor::has(std::string_view entry) const { return core_->has(entry); }
std::optional<Error> Reactor::dead() const { return core_->death(); }

void Reactor::bridge(std::string name, Bridge bridge, Duration deadline) {
  post(core_, [name = std::move(name), bridge = std::move(bridge), deadline](Core& c) mutable {
    c.add_bridge(std::move(name), std::move(bridge), deadline);
  });
}

Task<Result<Bytes>> Reactor::call(std::string entry, Bytes argument, CallOptions options) {
  auto core = core_;
  auto call = std::make_shared<Core::Call>();
  call->entry = std::move(entry);
  call->argument = std::move(argument);
  call->deadline = options.deadline;
  call->waits_for_calls = options.waits_for_calls;
  auto stop = on_cancel([&core, &call]() noexcept {
    if (call->cancel_asked.exchange(true)) return;
    post(
        core,
        [call](Core& c) {
          if (call->taken) c.cancel(*call);  // else it sees the flag
        },
        urgent);
  });
  co_return co_await with_continuation<Result<Bytes>>([&](Continuation<Result<Bytes>> done) {
    call->done.emplace(std::move(done));
    post(core, [call](Core& c) { c.start(call); }, urgent);
  });
}

Task<Result<>> Reactor::probe(CallOptions options) {
  Result<Bytes> answer = co_await call(core_->options().names.probe, {}, options);
  if (answer) co_return Result<>();
  Error error = std::move(answer).error();
  Code code = error.code();
  std::string frames = error.backtrace();
  co_return std::unexpected(
      std::move(error).wrap(code, concat("the probe of ", name(), " failed")).with_backtrace(std::move(frames)));
}

Task<Resumed> Reactor::resume(std::uint32_t token, Status status, Bytes payload) {
  auto core = core_;
  co_return co_await with_continuation<Resumed>([&](Continuation<Resumed> done) {
    post(core, [token, status, payload = std::move(payload), done = std::move(done)](Core& c) mutable {
      Result<Bytes> answer = status == Status::ok
                                 ? Result<Bytes>(std::move(payload))
                                 : std::unexpected(error_of(static_cast<std::uint32_t>(status), as_text(payload)));
      done.resume(c.deliver(token, std::nullopt, std::move(answer)));
    });
  });
}

Task<ReactorReport> Reactor::report() {
  auto core = core_;
  co_return co_await with_continuation<ReactorReport>([&](Continuation<ReactorReport> done) {
    post(core, [done = std::move(done)](Core& c) mutable { done.resume(c.report()); }, urgent);
  });
}

Task<Bytes> Reactor::snapshot() {
  auto core = core_;
  co_return co_await with_continuation<Bytes>([&](Continuation<Bytes> done) {
    post(core, [done = std::move(done)](Core& c) mutable { done.resume(c.snapshot()); });
  });
}

Task<ReactorReport> Reactor::close() {
  auto core = core_;
  co_return co_await with_continuation<ReactorReport>([&](Continuation<ReactorReport> done) {
    post(core, [done = std::move(done)](Core& c) mutable { c.close(std::move(done)); }, urgent);
  });
}

}  // namespace crank::reactor
