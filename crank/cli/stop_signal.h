// SIGINT and SIGTERM as something to wait for, beside one other event.
#pragma once

#include <chrono>
#include <optional>

namespace crank::cli {

class StopSignal {
 public:
  /// Blocks the signals in this thread and in those it starts afterwards: make it first.
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  enum class Woken { signal, notified, timeout };
  Woken wait(std::optional<std::chrono::milliseconds> at_most = std::nullopt);
  /// Any thread: wait() returns `notified`.
  void notify() noexcept;

 private:
  int signals_ = -1, event_ = -1;
};

}  // namespace crank::cli
