#include "crank/cli/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace crank::cli {

StopSignal::StopSignal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  event_ = eventfd(0, EFD_CLOEXEC);
}

StopSignal::~StopSignal() {
  ::close(signals_);
  ::close(event_);
}

StopSignal::Woken StopSignal::wait(std::optional<std::chrono::milliseconds> at_most) {
  pollfd both[2] = {{signals_, POLLIN, 0}, {event_, POLLIN, 0}};
  for (;;) {
    const int n = ::poll(both, 2, at_most ? static_cast<int>(at_most->count()) : -1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Woken::timeout;
    if (both[1].revents) {
      std::uint64_t count;
      [[maybe_unused]] auto got = ::read(event_, &count, sizeof count);
      return Woken::notified;
    }
    signalfd_siginfo info;
    [[maybe_unused]] auto got = ::read(signals_, &info, sizeof info);
    return Woken::signal;
  }
}

void StopSignal::notify() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] auto put = ::write(event_, &one, sizeof one);
}

}  // namespace crank::cli
