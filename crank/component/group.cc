#include "crank/component/group.h"

#include <thread>

#include "crank/async/runtime.h"
#include "crank/component/root_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

Activation::Activation(Group& g, InstanceState& i, InstanceState* from, Call* running, Activation* below) noexcept
    : outer(below), group_outer(g.top), group(g), instance(i), caller(from), task(running) {
  g.top = this;
}
Activation::~Activation() { group.top = group_outer; }

namespace {

// The drain that runs its actor's last job looks at the actor once more: it is freed when nobody holds it any longer.
struct Burial : Job {
  DefaultActor* actor = nullptr;
};

bool bury(DefaultActor* actor) noexcept {
  if (!actor->try_hold()) return false;
  actor->try_release();
  delete actor;
  return true;
}

}  // namespace

std::shared_ptr<DefaultActor> make_actor(Runtime& runtime) {
  return std::shared_ptr<DefaultActor>(new DefaultActor(runtime), [](DefaultActor* actor) {
    if (bury(actor)) return;
    auto* burial = new Burial;
    burial->actor = actor;
    burial->run = [](Job* job) noexcept {
      auto* self = static_cast<Burial*>(job);
      Runtime& home = self->actor->runtime();
      if (bury(self->actor))
        delete self;
      else
        home.enqueue(*self);
    };
    actor->runtime().enqueue(*burial);
  });
}

bool CallQueue::remove(Call& call) noexcept {
  Call* before = nullptr;
  for (Call* at = head_; at; before = at, at = at->next_in_queue) {
    if (at != &call) continue;
    (before ? before->next_in_queue : head_) = at->next_in_queue;
    if (tail_ == at) tail_ = before;
    --size_;
    return true;
  }
  return false;
}

void InstanceState::publish_gate() noexcept {
  bool blocked = exclusive != nullptr && exclusive->waits != Waits::nowhere;
  bool open = backpressure == 0 && entry.empty() && !blocked;
  if (gate_open.load(std::memory_order_relaxed) != open) gate_open.store(open, std::memory_order_relaxed);
}

std::string_view InstanceState::name() const { return spec->name; }

bool holds(const Activation* chain, const Group& group) noexcept {
  for (; chain; chain = chain->outer)
    if (chain->group.actor == group.actor) return true;
  return false;
}

bool same_stack(const Activation* chain, const Group& group) noexcept {
  for (bool crossed = false; chain; chain = chain->outer) {
    if (&chain->group == &group) return !crossed;
    crossed = crossed || chain->fiber_base;
  }
  return true;
}

namespace {
bool is_self_or_ancestor(const InstanceState* candidate, const InstanceState* of) noexcept {
  for (; of; of = of->parent)
    if (of == candidate) return true;
  return false;
}
}  // namespace

bool may_enter(const Activation* chain, const InstanceState& callee, const InstanceState* caller) noexcept {
  for (const InstanceState* entering = &callee; entering; entering = entering->parent) {
    if (caller && is_self_or_ancestor(entering, caller)) continue;
    for (const Activation* a = chain; a; a = a->outer) {
      if (!is_self_or_ancestor(entering, &a->instance)) continue;
      if (!(a->caller && is_self_or_ancestor(entering, a->caller))) return false;
    }
  }
  return true;
}

Hold::Hold(const Activation* chain, Group& group, const Group* self) noexcept : group_(group) {
  if ((self && self->actor == group.actor) || holds(chain, group)) {
    held_ = true;
  } else if (group.actor->try_enter()) {
    held_ = entered_ = true;
  }
}

void Hold::wait() noexcept {
  std::this_thread::yield();
  held_ = entered_ = group_.actor->try_enter();
}

void Hold::release() noexcept {
  if (!entered_) return;
  entered_ = held_ = false;
  group_.turn_over();
  if (!group_.idle()) group_.schedule_pump();
  group_.actor->leave();
}

void Hold::park() noexcept {
  if (!entered_) return;
  entered_ = held_ = false;
  group_.actor->park_turn();
}

void Group::post(Job& job) {
  root.retain();
  root.domain().begin();
  actor->enqueue(job);
}

void Group::schedule_pump() {
  if (pump_posted) return;
  pump_posted = true;
  root.retain();
  root.domain().begin();
  root.runtime.enqueue(pump);
}

void Group::run_pump(Job* job) noexcept {
  Group& self = *static_cast<Pump*>(job)->group;
  if (self.actor->try_enter()) {
    self.pump_posted = false;
    return self.end_nested_turn();
  }
  job->run = [](Job* held) noexcept {
    Group& group = *static_cast<Pump*>(held)->group;
    held->run = run_pump;
    group.pump_posted = false;
    group.end_turn();
  };
  self.actor->enqueue(*job);
}

void Group::make_ready(Call& task) {
  if (task.queued) return;
  task.queued = true;
  ready.push(task);
}

void Group::reconsider(InstanceState& instance) {
  if (instance.reconsidered) return;
  instance.reconsidered = true;
  instance.next_gate = gates;
  gates = &instance;
}

// A task that became ready during this settle runs in the next one, so that those who yield for ever let others run.
void Group::settle() {
  if (top || parked || torn_down) return;
  for (std::uint32_t budget = ready.size() + 1; budget != 0;) {
    if (root.dead()) return;
    if (InstanceState* instance = gates) {
      gates = instance->next_gate;
      instance->reconsidered = false;
      admit_waiting(*instance);
    } else if (Call* task = ready.pop()) {
      --budget;
      run_ready(*task, nullptr);
    } else {
      break;
    }
    if (parked) return;
  }
  if (!idle()) schedule_pump();
}

void Group::mark_overstaying() noexcept {
  if (overstays) return;
  overstays = true;
  overstays_since = root.blueprint->engine().epoch();
  root.overstaying.fetch_add(1, std::memory_order_relaxed);
}

void Group::clear_overstaying() noexcept {
  overstays = false;
  root.overstaying.fetch_sub(1, std::memory_order_relaxed);
}

void Group::end_turn() {
  RootState& owner = root;
  settle();
  turn_over();
  const bool was_parked = parked != nullptr;
  if (was_parked) {
    // The drain that runs us must not go on to the next job: this thread's turn ends, the executor stays held.
    crank::detail::thread_state().turn->executor = ExecutorRef::generic();
    post_continue(*parked);
  }
  owner.domain().end();
  if (owner.release_unless_last()) return;
  // Nothing of this root can be queued any more; another root that shares the executor may have something.
  if (!was_parked) {
    crank::detail::thread_state().turn->executor = ExecutorRef::generic();
    actor->release();
  }
  owner.release();
}

void Group::end_nested_turn() {
  RootState& owner = root;
  settle();
  turn_over();
  if (parked) {
    actor->park_turn();
    post_continue(*parked);
  } else {
    actor->leave();
  }
  owner.domain().end();
  owner.release();
}

namespace {
constexpr std::size_t pooled_calls = 256;
}

Call* Group::new_call() {
  if (pool.empty()) return new Call;
  Call* call = pool.back();
  pool.pop_back();
  return call;
}

void Group::recycle_unseen(Call& c) {
  if (pool.size() >= pooled_calls) [[unlikely]]
    return recycle(c);
  c.caller = nullptr;
  c.lower = nullptr;
  c.lift = nullptr;
  c.task = TaskState::initial;
  c.nested = c.entered = false;
  c.context[0] = c.context[1] = 0;
  pool.push_back(&c);
}

void Group::recycle(Call& c) {
  if (pool.size() >= pooled_calls || c.arguments.capacity() > 64 || c.lenders.capacity() > 64) {
    delete &c;
    return;
  }
  if (!c.arguments.empty()) c.arguments.clear();
  if (!c.lenders.empty()) c.lenders.clear();
  if (c.result.kind() != Value::Kind::none) c.result = Value();
  if (c.failure) c.failure.reset();
  c.references.store(1, std::memory_order_relaxed);
  c.has_event = false;
  c.index = 0;
  c.subtask_set() = nullptr;
  c.sync_waiter = nullptr;
  c.lift = nullptr;
  c.callee_root = c.caller_root = nullptr;
  c.caller = nullptr;
  c.lower = nullptr;
  c.state = SubtaskState::starting;
  c.cancel_requested = c.delivered = c.has_index = false;
  c.task = TaskState::initial;
  c.waits = Waits::nowhere;
  c.nested = c.queued = c.cancellable = c.cancelled_wake = c.listed = c.finished = c.in_callback = c.entered =
      c.counted = false;
  c.outcome = SubtaskState::starting;
  c.host_state.store(0, std::memory_order_relaxed);
  c.num_borrows = 0;
  c.context[0] = c.context[1] = 0;
  c.Call::set = nullptr;
  c.awaited = nullptr;
  c.lifted = c.flat = c.lowered = false;
  c.owner = c.switch_to = nullptr;
  c.thread_index = c.extra_threads = 0;
  c.implicit_done = false;
  c.host_task.reset();
  c.on_resolved = nullptr;
  c.host_context = nullptr;
  pool.push_back(&c);
}

}  // namespace crank::component::detail
