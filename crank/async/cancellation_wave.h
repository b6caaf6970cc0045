// How cancelling travels down a task tree (R9): in waves of a few dozen groups, so that the process-wide fence that each
// task's and each group's lock needs from a stranger is paid once for a wave and not once for a task. Internal; what users see
// is cancellation.h. It does not recurse: the depth of a tree costs no stack.
//
// Rules
//  1  A link (a group, an async_let) enters a wave once: a group's `cancelled` flag, or its place in the task's list of
//     handlers, says who brings it in.
//  2  A round: close the links' lists of children, fence, mark the children cancelled, fence, run the children's handlers.
//     The lists stay closed meanwhile, so the children live; opened again, a link that was its task's handler is `done`, and
//     only then may its owner end its scope.
//  3  What is found below, among the children's handlers, waits for a later round; newest first, while it is in the cache.
//  4  A wave that holds closed lists waits for nobody to close a further one.
#pragma once

#include "crank/async/cancellation.h"
#include "crank/async/escalation_wave.h"

namespace crank {

/// A handler that leads to children: it lets cancellation and raised priorities through.
class SpreadLink : public CancellationHandler {
 protected:
  enum class Step : unsigned char { begin, try_close, close, mark, run };
  struct Operations {
    /// Raises each child by `wave.raise`, and keeps it alive meanwhile.
    void (*raise)(SpreadLink& link, EscalationWave& wave) noexcept;
    /// begin: false when another wave has it. try_close: false when somebody holds the list. mark: whether a child is to be
    /// run. run: runs the marked children's handlers and opens the list.
    bool (*step)(SpreadLink& link, Step step, CancellationWave& wave) noexcept;
  };
  explicit SpreadLink(const Operations& operations) noexcept
      : CancellationHandler(Kind::spreads), operations_(operations) {}
  ~SpreadLink() = default;

 private:
  friend class CancellationWave;
  friend class EscalationWave;
  void raise_children(EscalationWave& wave) noexcept { operations_.raise(*this, wave); }
  const Operations& operations_;
  SpreadLink* next_in_wave_;  // the CancellationWave's
};

class CancellationWave {
 public:
  CancellationWave() = default;
  CancellationWave(const CancellationWave&) = delete;
  CancellationWave& operator=(const CancellationWave&) = delete;

  /// A link whose owner, or one of whose children, keeps it alive until `run` is over.
  void add(SpreadLink& link) noexcept { enter(link, false); }
  /// A link in its task's list, in state `running`.
  void add_handler(SpreadLink& link) noexcept { enter(link, true); }
  void run() noexcept;

 private:
  static constexpr unsigned width = 64;
  void enter(SpreadLink& link, bool as_handler) noexcept;
  SpreadLink* pending_ = nullptr;
};

}  // namespace crank
