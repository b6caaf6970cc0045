// Internal: a host's end of a stream or future: an End without owner, and the task that awaits its operation.
#pragma once

#include <memory>
#include <optional>

#include "crank/async/cancellation.h"
#include "crank/async/continuation.h"
#include "crank/async/task.h"
#include "crank/component/stream_state.h"

namespace crank::component::detail {

struct HostEnd final : HandleObject {
  HostEnd(Ref<Shared> shared, EntryKind kind);
  ~HostEnd() override;

  /// Runs the operation set up in `end` (length, base or values): its result is in end.result and end.progress. Code::cancelled
  /// when the awaiting task was cancelled first; the operation has been taken back then.
  [[nodiscard]] Task<Result<void>> perform();
  /// The same, but nobody awaits it; `this` stays alive until it is over.
  void perform_unattended();
  /// Waits for a guest's buffer of the other direction. False: the other side is gone.
  [[nodiscard]] Task<Result<bool>> wait_for_loan();
  void close(bool died);

  Shared& shared() const noexcept { return *end.shared; }

  End end;
  bool closed = false;
  std::vector<Value> buffer;  // unattended writes
  std::uint64_t scalar = 0;
  RootState* pinned = nullptr;  // whose memory is on loan

 private:
  static void on_event(End& end) noexcept;
  bool begin();
  crank::detail::Lock lock_;
  std::unique_ptr<Continuation<bool>> waiting_;  // (lock_) told true when over, false when cancelled
  Ref<HostEnd> keep_;
};

}  // namespace crank::component::detail
