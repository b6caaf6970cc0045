// One HTTP connection's buffers, and bodies that pass by them: shared by server and client. Users don't read this.
//
//   socket --> input (heads, framing, small bodies) --> reader's memory        large bodies go past both buffers,
//   socket <-- output (heads, framing, small bodies) <-- writer's memory       between the socket and lent memory
//
// W1  Nothing is read ahead while a body is being read, but for what came along with its head; so the peer feels the
//     reader's pace.
// W2  Output is corked: small writes gather until the end of the turn, then go out with one system call.
// W3  A lent write holds the writer's memory until all of it is with the kernel. Taken back early, what the kernel has not
//     got is not sent; but the rest of a chunk, whose size is out, and what TLS may have begun go on from a copy.
// W4  After the first error nothing is sent; on_broken is called once, never from within a call by the owner.
// W5  A write of nothing waits until the output has drained and the kernel has room: how a writer waits without lending
//     its memory.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crank/io/event_loop.h"
#include "crank/io/framing.h"
#include "crank/io/http_body.h"
#include "crank/io/transport.h"

namespace crank::io::detail {

class WireOwner {
 public:
  /// There may be input: what fill() or watch() was waiting for, outside of a body read.
  virtual void on_input() = 0;
  /// All output so far is with the kernel.
  virtual void on_drained() = 0;
  virtual void on_broken(const Error& why) = 0;
  /// A body read or write moved bytes: what deadlines are measured from.
  virtual void on_progress() = 0;

 protected:
  ~WireOwner() = default;
};

class Wire final : private TransportOwner, private Deferred {
 public:
  Wire(EventLoop& loop, std::unique_ptr<Transport> transport, WireOwner& owner);
  ~Wire() = default;
  void bind(std::weak_ptr<void> keep) { transport_->bind(*this, std::move(keep)); }
  Transport& transport() const noexcept { return *transport_; }
  EventLoop& loop() noexcept { return loop_; }

  std::string_view input() const noexcept { return {input_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) noexcept;
  /// Reads once into the input buffer: bytes, 0 at the end, error, or nullopt and on_input later. The buffer's size is
  /// the limit; a full buffer answers Code::limit.
  Attempt fill();
  /// on_input when the peer sends or closes, without reading.
  void watch() { transport_->wait_readable(); }

  Attempt read_body(BodyDecoder& decoder, std::span<std::byte> into, ReadListener& listener);
  void cancel_read() noexcept { reader_ = nullptr; }
  bool reading() const noexcept { return reader_ != nullptr; }

  std::string& output() noexcept { return output_; }
  /// Sends the output at the end of the turn.
  void flush_soon() { loop_.at_turn_end(*this); }
  void flush();
  bool drained() const noexcept { return output_.empty() && lent_.empty(); }
  Attempt write_body(BodyEncoder& encoder, std::span<const std::byte> bytes, WriteListener& listener);
  std::size_t cancel_write() noexcept;
  bool writing() const noexcept { return writer_ != nullptr; }
  bool broken() const noexcept { return broken_; }
  /// Breaks it from outside: closes, and fails a pending read or write with `why` later in this turn.
  void fail_all(Error why) noexcept;
  void close() noexcept;

 private:
  void on_readable() override;
  void on_writable() override;
  void run_deferred() override;
  Attempt try_read();
  Attempt try_wait(bool readable);
  void send();
  void finish_write();
  void break_with(Error why);
  void report_broken();

  EventLoop& loop_;
  std::unique_ptr<Transport> transport_;
  WireOwner& owner_;
  std::string input_;
  std::size_t begin_ = 0, end_ = 0;
  std::string output_;
  std::size_t sent_ = 0;             // of output_
  std::span<const std::byte> lent_;  // what is left of the writer's memory; goes out after output_
  std::size_t lent_size_ = 0;        // 0 while a writer waits: for the output to drain
  BodyEncoder* encoder_ = nullptr;
  bool lent_needs_end_ = false;  // CR LF of a chunk follows it
  bool full_ = false;            // the kernel takes nothing until on_writable
  WriteListener* writer_ = nullptr;
  ReadListener* reader_ = nullptr;
  BodyDecoder* decoder_ = nullptr;
  std::span<std::byte> into_;
  bool broken_ = false, broken_told_ = false, wanted_drain_ = false;
  std::optional<Error> why_;
};

}  // namespace crank::io::detail
