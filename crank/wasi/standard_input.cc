#include "crank/wasi/standard_input.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "crank/async/continuation.h"

namespace crank::wasi {

// Shared with the reading thread, which may stay in read(2) long after everybody else has gone.
struct StandardInput::State {
  int descriptor;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::byte> held;  // read and not yet taken
  std::size_t taken = 0;
  bool started = false, ended = false, stopping = false;
  int error = 0;
  std::deque<Continuation<>> waiting;

  bool ready() const { return taken < held.size() || ended; }
  void read_on_demand() {
    std::vector<std::byte> buffer(64 * 1024);
    std::unique_lock lock(mutex);
    while (!stopping && !ended) {
      changed.wait(lock, [&] { return stopping || (!waiting.empty() && !ready()); });
      if (stopping) return;
      lock.unlock();
      ssize_t n;
      do n = ::read(descriptor, buffer.data(), buffer.size());
      while (n < 0 && errno == EINTR);
      lock.lock();
      if (stopping) return;
      if (n < 0) error = errno;
      if (n <= 0)
        ended = true;
      else
        held.assign(buffer.begin(), buffer.begin() + n), taken = 0;
      auto all = std::exchange(waiting, {});
      lock.unlock();
      for (auto& one : all) one.resume();
      lock.lock();
    }
  }
};

StandardInput::StandardInput(int descriptor) : state_(std::make_shared<State>()) { state_->descriptor = descriptor; }
StandardInput::~StandardInput() {
  std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
}

Task<Result<std::size_t>> StandardInput::read(std::span<std::byte> into) {
  auto state = state_;
  for (;;) {
    bool ready = false;
    {
      std::lock_guard lock(state->mutex);
      ready = state->ready();
      if (state->taken < state->held.size()) {
        const auto n = std::min(into.size(), state->held.size() - state->taken);
        std::memcpy(into.data(), state->held.data() + state->taken, n);
        state->taken += n;
        co_return n;
      }
      if (state->error) co_return fail(Code::io, concat("reading standard input: ", std::strerror(state->error)));
      if (state->ended) co_return std::size_t{0};
    }
    if (!ready)
      co_await with_continuation<>([&](Continuation<> done) {
        std::lock_guard lock(state->mutex);
        if (state->ready()) return done.resume();
        state->waiting.push_back(std::move(done));
        if (!std::exchange(state->started, true)) std::thread([state] { state->read_on_demand(); }).detach();
        state->changed.notify_all();
      });
  }
}

}  // namespace crank::wasi
