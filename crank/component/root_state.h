// Internal: what a Root is made of. The record outlives the guests in it for as long as something refers to it: the
// public Root, messages under way, calls of other roots, handles of its resources.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "crank/async/lock.h"
#include "crank/component/blueprint.h"
#include "crank/component/group.h"
#include "crank/component/linked.h"
#include "crank/component/root.h"

namespace crank::component::detail {

/// Counts what can still make progress among roots that call each other: queued and running turns, host functions under
/// way, stream ends the host holds. At zero nothing will ever move again by itself (DESIGN, C10).
class Domain {
 public:
  explicit Domain(engine::Engine& engine) noexcept : engine_(engine) {}
  void begin() noexcept {
    if (active_.fetch_add(1, std::memory_order_relaxed) == 0) presence(true);
  }
  void end() noexcept {
    if (active_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      presence(false);
      quiet();
    }
  }
  std::uint64_t active() const noexcept { return active_.load(std::memory_order_acquire); }
  void add_waiting(Call& host_call);
  /// False: it was taken out already.
  bool remove_waiting(Call& host_call);
  /// Nothing but the messages that look for a deadlock is under way.
  bool only_reports();

 private:
  void quiet() noexcept;
  /// While anything is active, epochs advance.
  void presence(bool here) noexcept;
  engine::Engine& engine_;
  std::atomic<std::uint64_t> active_{0};
  crank::detail::Lock lock_;
  std::vector<Call*> waiting_;  // unanswered calls of the host
};

struct ResourceState {
  const Resource* spec = nullptr;
  InstanceState* implementor = nullptr;  // null: imported
  engine::Func destructor;
  bool defined = false;
};

class RootState {
 public:
  RootState(std::shared_ptr<const Blueprint> blueprint, RootOptions options, Runtime& runtime,
            std::shared_ptr<Domain> domain);
  RootState(const RootState&) = delete;
  RootState& operator=(const RootState&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// For a turn that a drain of one of our executors runs: that drain still needs the executor. False: this was the last
  /// reference, and it is kept; leave the executor, then release.
  bool release_unless_last() noexcept {
    std::uint32_t seen = references_.load(std::memory_order_acquire);
    while (seen > 1)
      if (references_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  bool dead() const noexcept { return state_.load(std::memory_order_relaxed) != Root::State::live; }
  Root::State state() const noexcept { return state_.load(std::memory_order_acquire); }
  std::optional<Error> failure();
  /// What later calls are told: Code::root_dead, with the failure as its cause.
  Error dead_error();
  /// Ends the root because of a trap; the first one counts. Takes down each group in a turn of its own.
  void die(Error error, const Call* during = nullptr);
  void destroy();

  const Program& program() const noexcept { return blueprint->program(); }
  Domain& domain() noexcept { return *domain_; }
  std::shared_ptr<Domain> shared_domain() const noexcept { return domain_; }

  void task_began() noexcept { live_tasks.fetch_add(1, std::memory_order_relaxed); }
  void task_ended() noexcept {
    // Pairs with Root::drained: either it sees this count, or it is seen to wait here.
    if (live_tasks.fetch_sub(1, std::memory_order_seq_cst) == 1 && drain_awaited.load(std::memory_order_seq_cst))
        [[unlikely]]
      notify_drained();
  }

  const std::shared_ptr<const Blueprint> blueprint;
  const RootOptions options;
  Runtime& runtime;
  std::weak_ptr<Root> handle;
  std::vector<std::unique_ptr<InstanceState>> instances;
  std::vector<std::unique_ptr<Group>> groups;
  std::vector<ResolvedOptions> resolved_options;
  std::vector<LiftState> lifts;
  std::vector<LowerState> trampolines;
  std::vector<engine::Func> trampoline_functions;
  std::vector<Target> targets;  // by ImportId; set before instantiating
  std::vector<Target> lift_targets;
  std::vector<std::shared_ptr<DefaultActor>>
      shared_actors;  // by GroupId, where given: executors shared with other roots
  std::vector<ResourceState> resources;
  struct CoreInstance {
    Group* group = nullptr;
    engine::Instance instance;
  };
  std::vector<CoreInstance> core_instances;
  std::atomic<std::uint32_t> live_tasks{0}, host_calls{0};
  std::atomic<std::uint32_t> overstaying{
      0};                              ///< groups in a turn longer than a slice: new calls would wait for its end
  std::atomic<std::uint32_t> pins{0};  ///< loans of guest memory: while there are any, the stores stay
  /// Told when no task is alive any more, or the root has ended: Root::drained.
  crank::detail::Lock drain_lock;
  std::vector<std::function<void()>> drain_waiters;
  std::atomic<bool> drain_awaited{false};  ///< somebody stands in `drain_waiters`, or is about to
  void notify_drained();

 private:
  ~RootState();
  void end(Root::State state, std::optional<Error> error);
  void take_down(Group& group);
  std::atomic<std::uint32_t> references_{1};
  std::atomic<Root::State> state_{Root::State::live};
  std::shared_ptr<Domain> domain_;
  crank::detail::Lock failure_lock_;
  std::optional<Error> failure_;
};

}  // namespace crank::component::detail
