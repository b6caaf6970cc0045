// Moving bodies between sockets and guests. These tasks run on the executor of the exchange or call they use.
#pragma once

#include <coroutine>
#include <optional>
#include <span>

#include "crank/async/promise.h"
#include "crank/async/task.h"
#include "crank/io/http_body.h"
#include "crank/wasi/http_message.h"

namespace crank::wasi {

/// `co_await ReadSome(source, into)`: BodySource::read as an await; suspends only when nothing is there.
class [[nodiscard]] ReadSome final : public crank::detail::Awaiter, io::ReadListener {
 public:
  ReadSome(io::BodySource& source, std::span<std::byte> into) : source_(source), into_(into) {}
  bool await_ready() {
    outcome_ = source_.read(into_, *this);
    return outcome_.has_value();
  }
  // The listener is called on this very thread, later: nothing can come between.
  void await_suspend(std::coroutine_handle<> here) noexcept { task_ = &crank::detail::suspend_current(here); }
  Result<std::size_t> await_resume() { return *std::move(outcome_); }

 private:
  void on_read(Result<std::size_t> bytes) override {
    outcome_ = std::move(bytes);
    crank::detail::resume_later(*task_);
  }
  io::BodySource& source_;
  std::span<std::byte> into_;
  io::Attempt outcome_;
  TaskRecord* task_ = nullptr;
};

/// `co_await WriteAll(sink, bytes)`: BodySink::write as an await.
class [[nodiscard]] WriteAll final : public crank::detail::Awaiter, io::WriteListener {
 public:
  WriteAll(io::BodySink& sink, std::span<const std::byte> bytes) : sink_(sink), bytes_(bytes) {}
  bool await_ready() {
    outcome_ = sink_.write(bytes_, *this);
    return outcome_.has_value();
  }
  void await_suspend(std::coroutine_handle<> here) noexcept { task_ = &crank::detail::suspend_current(here); }
  Result<std::size_t> await_resume() { return *std::move(outcome_); }

 private:
  void on_written(Result<std::size_t> bytes) override {
    outcome_ = std::move(bytes);
    crank::detail::resume_later(*task_);
  }
  io::BodySink& sink_;
  std::span<const std::byte> bytes_;
  io::Attempt outcome_;
  TaskRecord* task_ = nullptr;
};

/// Network to guest: fills the guest's own read buffers from the socket, then resolves the trailers. A guest that drops
/// the stream early discards the rest.
Task<> feed(HostBody body, component::StreamWriter contents, component::FutureWriter trailers);

/// What is written as a body. `length`: promised by a content-length field; the body must hold it exactly.
/// Guest or network to network: writes from the guest's own buffers, then the trailers, and finishes or (on any error)
/// aborts the sink. Resolves the guest's transmission future. Answers the error-code of a failure.
Task<std::optional<component::Value>> send_body(Body body, io::BodySink& sink, std::optional<std::uint64_t> length,
                                                bool is_request);

/// Throws an unread network body away, on its own loop.
void discard(HostBody body) noexcept;

}  // namespace crank::wasi
