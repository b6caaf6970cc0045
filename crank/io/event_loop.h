// An event loop: where one thread waits for sockets and timers, and where their completions run.
//
//   worker thread:  wait(until) ── epoll ──> completion ──> completion ──> turn end (corked output is flushed) ──> back
//   other threads:  post(job), wake()
//
// A loop belongs to the thread that calls wait() and poll(); everything that hangs on it (sockets, timers, exchanges)
// is used from that thread alone, so nothing in this layer takes a lock on the way of a request. A worker of the pool
// parks in its loop (crank/io/loop_parker.h), which is why a completion runs on the worker that saw it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace crank::io {

using Clock = std::chrono::steady_clock;
using Callback = std::move_only_function<void()>;
class EventLoop;

/// Something to be done once at the end of the current turn: an intrusive entry, so that asking costs no allocation.
class Deferred {
 public:
  Deferred() = default;
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

 protected:
  ~Deferred();
  virtual void run_deferred() = 0;

 private:
  friend class EventLoop;
  EventLoop* loop_ = nullptr;  // set while queued
  Deferred* previous_ = nullptr;
  Deferred* next_ = nullptr;
};

/// A coarse deadline, checked a few times a second: what slow peers are measured with. Moving it is one store.
class Watched {
 public:
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  /// No deadline while this is the default, Clock::time_point::max().
  void set_deadline(Clock::time_point when) noexcept { deadline_ = when; }
  Clock::time_point deadline() const noexcept { return deadline_; }

 protected:
  ~Watched();
  virtual void on_deadline() = 0;

 private:
  friend class EventLoop;
  EventLoop* watcher_ = nullptr;
  Watched* previous_ = nullptr;
  Watched* next_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
};

class EventLoop {
 public:
  struct Impl;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// The loop whose wait() or poll() is on this thread's stack, or that adopted this thread; null elsewhere.
  static EventLoop* current() noexcept;
  /// Makes this the current loop of the calling thread for good: what a worker does when it starts.
  void adopt_thread() noexcept;
  bool on_loop_thread() const noexcept { return current() == this; }

  /// Any thread: runs `job` on the loop's thread, in order of arrival.
  void post(Callback job);
  /// Any thread: the running or next wait() returns soon.
  void wake() noexcept;

  /// Runs what is ready and returns how many completions ran. Never waits.
  std::size_t poll();
  /// Waits until a completion has run, wake() was called, or the time has come.
  void wait(std::optional<Clock::time_point> until = std::nullopt);
  /// wait() until stop(): a loop with a thread of its own.
  void run();
  void stop() noexcept;

  void at_turn_end(Deferred& what) noexcept;
  void cancel_deferred(Deferred& what) noexcept;
  /// Ends the turn: runs what at_turn_end() gathered. wait() and poll() call it.
  void end_turn();

  void watch(Watched& what);
  void unwatch(Watched& what) noexcept;

  Impl& impl() noexcept { return *impl_; }

 private:
  void sweep();
  std::unique_ptr<Impl> impl_;
  Deferred* deferred_first_ = nullptr;
  Deferred* deferred_last_ = nullptr;
  Watched* watched_ = nullptr;
};

/// One precise timer of a loop. Starting it again replaces the former time; destroying it cancels.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  /// Loop's thread: `fire` runs there once, at or soon after `when`.
  void start(Clock::time_point when, Callback fire);
  void cancel() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace crank::io
