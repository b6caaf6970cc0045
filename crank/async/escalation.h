// How a job that is queued already comes to its raised place (R10).
//
// Who raises a priority does not know where the job stands, and must not: it may be moving. So the raise is counted,
// for the whole process, and who owns a queue compares the count with the one it saw last; when it differs, the owner
// sorts its queue again by what the jobs' priorities are now. Looking is one load of a line that hardly ever changes.
//
//     escalator:   job.priority = high;  ++escalations
//     owner:       pop ... pop ... escalations changed?  ->  sort again, once for all that was raised meanwhile
//
// Sorting costs a pass over the queue. So that many raises beside a long queue stay linear, an owner sorts again only
// after it has taken an eighth of what is queued since the last time: a short queue at once, a long one a little later.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace crank::detail {

inline constinit std::atomic<std::uint32_t> escalations{0};

/// A priority was raised: written before, read by whoever sees the count.
inline void note_escalation() noexcept { escalations.fetch_add(1, std::memory_order_release); }

/// The owner's side.
class EscalationWatch {
 public:
  /// Whether to sort again, before taking the next of `queued` jobs. `taken`: how many were taken since the last
  /// question.
  bool due(std::size_t queued, std::uint32_t taken = 1) noexcept {
    taken_ += taken;
    std::uint32_t now = escalations.load(std::memory_order_acquire);
    if (now == seen_) [[likely]]
      return false;
    if (taken_ * std::size_t{8} < queued) return false;
    taken_ = 0;
    seen_ = now;
    return true;
  }

 private:
  std::uint32_t seen_ = 0;
  std::uint32_t taken_ = 1u << 20;  // the first is free
};

}  // namespace crank::detail
