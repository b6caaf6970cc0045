#include "crank/component/root_state.h"

#include "crank/component/report.h"
#include "crank/component/resource_object.h"
#include "crank/component/stream_state.h"
#include "crank/component/task.h"
#include "crank/engine/engine.h"

namespace crank::component::detail {

using crank::detail::LockGuard;

// ---- domain ---------------------------------------------------------------------------------------------------------

void Domain::add_waiting(Call& call) {
  LockGuard guard(lock_);
  waiting_.push_back(&call);
}

// Two of these may overtake each other; the engine only counts.
void Domain::presence(bool here) noexcept {
  if (here)
    engine_.arrive();
  else
    engine_.leave();
}

bool Domain::remove_waiting(Call& call) {
  LockGuard guard(lock_);
  return std::erase(waiting_, &call) != 0;
}

// Nothing runs and nothing is awaited from outside. Each unanswered call is told on its callee's executor, which looks
// again whether that is still so.
void Domain::quiet() noexcept {
  std::vector<Call*> stuck;
  {
    LockGuard guard(lock_);
    if (active() != 0) return;
    for (Call* c : waiting_) {
      if (c->host_state.exchange(1, std::memory_order_acq_rel) != 0) continue;  // such a message is under way
      c->references.fetch_add(1, std::memory_order_relaxed);
      stuck.push_back(c);
    }
  }
  for (Call* c : stuck) {
    post_to_callee(c->lift_message, *c, [](Call& call) {
      Group& group = group_of(call);
      call.host_state.store(0, std::memory_order_release);
      if (group.root.dead() || call.callee_resolved()) return;
      // This very message, and those to the other stuck calls, are all that is active.
      if (!group.root.domain().only_reports()) return;
      group.root.die(
          Error(Code::deadlock,
                concat("deadlock detected: event loop cannot make further progress: ", call.lift->spec->name,
                       " waits for something that nothing can bring about any more:\n", report_of(group.root))));
    });
    release_call(*c);
  }
}

bool Domain::only_reports() {
  LockGuard guard(lock_);
  return active() <= waiting_.size();
}

// ---- root -----------------------------------------------------------------------------------------------------------

RootState::RootState(std::shared_ptr<const Blueprint> b, RootOptions o, Runtime& r, std::shared_ptr<Domain> domain)
    : blueprint(std::move(b)), options(std::move(o)), runtime(r), domain_(std::move(domain)) {}

RootState::~RootState() = default;

std::optional<Error> RootState::failure() {
  LockGuard guard(failure_lock_);
  return failure_;
}

Error RootState::dead_error() {
  std::optional<Error> why = failure();
  std::string sentence =
      concat("cannot enter component instance: the component ", options.name.empty() ? program().name : options.name,
             why ? " has trapped" : " was destroyed");
  if (!why) return Error(Code::root_dead, std::move(sentence));
  return std::move(*why).wrap(Code::root_dead, std::move(sentence));
}

namespace {

// A guest that gets no more memory mostly answers by an instruction that traps: the reason is the limit.
std::string memory_note(const Call& during, const Limits& limits) {
  const Group& group = group_of(during);
  const ResolvedOptions& options = *during.lift->options;
  if (!group.store || !options.base || limits.memory_bytes >= std::uint64_t{4} << 30) return {};
  const std::uint64_t size = group.store->memory_size(options.memory);
  if (size + size / 16 < limits.memory_bytes) return {};
  return concat(" with ", size >> 20, " MiB of memory, of ", limits.memory_bytes >> 20, " MiB it may have");
}

}  // namespace

void RootState::die(Error error, const Call* during) {
  if (during && during->lift) {
    const Code code = error.code() == Code::deadlock || error.code() == Code::deadline || error.code() == Code::limit
                          ? error.code()
                          : Code::trap;
    std::string trace = error.backtrace();
    std::string_view instance = during->lift->instance->name();
    Error named = std::move(error).wrap(
        code, concat(options.name.empty() ? program().name : options.name,
                     instance.empty() || instance == "root" ? "" : concat(" (", instance, ")"), " trapped in ",
                     during->lift->spec->name, memory_note(*during, options.limits)));
    error = trace.empty() ? std::move(named) : std::move(named).with_backtrace(std::move(trace));
  }
  end(Root::State::trapped, std::move(error));
}

void RootState::destroy() { end(Root::State::destroyed, std::nullopt); }

void RootState::end(Root::State state, std::optional<Error> error) {
  {
    LockGuard guard(failure_lock_);
    if (dead()) return;
    failure_ = error;
    state_.store(state, std::memory_order_release);
  }
  if (error && options.on_trap) options.on_trap(*error);
  retain();
  for (const auto& group : groups) take_down(*group);
  notify_drained();
  release();
}

namespace {

void take_down_instance(InstanceState& instance, const Error& error) {
  drop_threads(instance);
  while (Call* task = instance.first_task) fail_task(*task, error);
  std::vector<WaitableSet*> sets;
  instance.handles.for_each([&](std::uint32_t, Entry& entry) {
    switch (entry.kind) {
      case EntryKind::waitable_set: sets.push_back(entry.set); break;
      case EntryKind::resource:
        if (entry.imported) entry.object->release();
        break;
      case EntryKind::error_context: entry.object->release(); break;
      case EntryKind::subtask: {
        Call& c = static_cast<Call&>(*entry.waitable);
        c.subtask_set() = nullptr;
        c.sync_waiter = nullptr;
        if (c.host_task && !is_resolved(c.state)) c.host_task->cancel();
        release_call(c);
        break;
      }
      case EntryKind::free: break;
      default: {
        End* end = static_cast<End*>(entry.waitable);
        end->set = nullptr;
        end->sync_waiter = nullptr;
        abandon_end(end);
      }
    }
  });
  instance.handles.clear();
  for (WaitableSet* set : sets) delete set;
  instance.exclusive = nullptr;
}

void take_down_now(Group& group) {
  if (group.torn_down) return;
  group.torn_down = true;
  Error error = group.root.state() == Root::State::trapped && group.root.failure() ? *group.root.failure()
                                                                                   : group.root.dead_error();
  for (InstanceState* instance : group.instances) take_down_instance(*instance, error);
  while (group.ready.pop()) {}
  group.gates = nullptr;
  for (Call* c : group.pool) delete c;
  group.pool.clear();
  if (group.root.pins.load(std::memory_order_acquire) == 0) group.store.reset();
}

}  // namespace

void RootState::take_down(Group& group) {
  if (group.actor->try_enter()) {
    if (group.top == nullptr && group.parked == nullptr) {
      take_down_now(group);
      group.actor->leave();
      return;
    }
    group.actor->leave();
  }
  group.teardown.group = &group;
  group.teardown.run = [](Job* job) noexcept {
    Group& self = *static_cast<Group::Pump*>(job)->group;
    take_down_now(self);
    self.end_turn();
  };
  group.post(group.teardown);
}

void RootState::notify_drained() {
  std::vector<std::function<void()>> waiters;
  {
    LockGuard guard(drain_lock);
    waiters.swap(drain_waiters);
    drain_awaited.store(false, std::memory_order_relaxed);
  }
  for (auto& waiter : waiters) waiter();
}

}  // namespace crank::component::detail
