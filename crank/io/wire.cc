#include "crank/io/wire.h"

#include <algorithm>
#include <cstring>

#include "crank/base/check.h"

namespace crank::io::detail {
namespace {

constexpr std::size_t input_size = 16 * 1024;
// Below this a copy is cheaper than a system call of its own.
constexpr std::size_t copy_limit = 4 * 1024;
// More gathered output than this goes out before the turn ends.
constexpr std::size_t cork_limit = 16 * 1024;

std::span<std::byte> writable(std::string& text, std::size_t from) {
  return {reinterpret_cast<std::byte*>(text.data()) + from, text.size() - from};
}

}  // namespace

Wire::Wire(EventLoop& loop, std::unique_ptr<Transport> transport, WireOwner& owner)
    : loop_(loop), transport_(std::move(transport)), owner_(owner) {
  input_.resize(input_size);
}

void Wire::consume(std::size_t bytes) noexcept {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

Attempt Wire::fill() {
  if (broken_) return fail(*why_);
  if (begin_ > 0 && end_ == input_.size()) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == input_.size()) return fail(Code::limit, "receiving: the input buffer is full");
  auto attempt = transport_->read_now(writable(input_, end_));
  if (!attempt)
    transport_->wait_readable();
  else if (*attempt)
    end_ += **attempt;
  return attempt;
}

Attempt Wire::read_body(BodyDecoder& decoder, std::span<std::byte> into, ReadListener& listener) {
  CRANK_CHECK(!reader_, "one body read at a time");
  decoder_ = &decoder;
  into_ = into;
  auto attempt = into.empty() ? try_wait(false) : try_read();
  if (!attempt) {
    reader_ = &listener;
    transport_->wait_readable();
  }
  return attempt;
}

Attempt Wire::try_read() {
  for (;;) {
    if (decoder_->done()) return std::size_t{0};
    if (begin_ != end_) {
      auto step = decoder_->decode(input(), into_);
      if (!step) return fail(std::move(step).error());
      consume(step->consumed);
      if (step->produced) return step->produced;
      continue;
    }
    if (broken_) return fail(*why_);
    const auto direct = std::min<std::uint64_t>(decoder_->direct(), into_.size());
    const bool past_buffer = direct > 0;
    auto attempt = past_buffer ? transport_->read_now(into_.first(static_cast<std::size_t>(direct)))
                               : transport_->read_now(writable(input_, 0));
    if (!attempt) return std::nullopt;
    if (!*attempt) return attempt;
    const std::size_t n = **attempt;
    if (n == 0) {
      if (auto fine = decoder_->at_eof(); !fine) return fail(std::move(fine).error());
      return std::size_t{0};
    }
    owner_.on_progress();
    if (past_buffer) {
      decoder_->took_direct(n);
      return n;
    }
    begin_ = 0;
    end_ = n;
  }
}

Attempt Wire::try_wait(bool readable) {
  for (;;) {
    if (begin_ != end_) {
      auto step = decoder_->decode(input(), {});
      if (!step) return fail(std::move(step).error());
      consume(step->consumed);
    }
    if (decoder_->done() || begin_ != end_) return std::size_t{0};
    if (broken_) return fail(*why_);
    // Plain body bytes stay in the socket, for the read that follows; framing and TLS records have to be looked at.
    const bool leave_them = decoder_->direct() > 0 && !transport_->is_tls();
    if (leave_them) return readable ? Attempt(std::size_t{0}) : std::nullopt;
    auto attempt = transport_->read_now(writable(input_, 0));
    if (!attempt || !*attempt) return attempt;
    if (**attempt == 0) {
      if (auto fine = decoder_->at_eof(); !fine) return fail(std::move(fine).error());
      return std::size_t{0};
    }
    owner_.on_progress();
    begin_ = 0;
    end_ = **attempt;
  }
}

void Wire::on_readable() {
  if (!reader_) return owner_.on_input();
  auto attempt = into_.empty() ? try_wait(true) : try_read();
  if (!attempt) return transport_->wait_readable();
  std::exchange(reader_, nullptr)->on_read(std::move(*attempt));
}

Attempt Wire::write_body(BodyEncoder& encoder, std::span<const std::byte> bytes, WriteListener& listener) {
  CRANK_CHECK(!writer_, "one body write at a time");
  if (broken_) return fail(*why_);
  if (bytes.empty()) {
    if (!full_) send();
    if (broken_) return fail(*why_);
    if (drained() && !full_) return std::size_t{0};
    lent_size_ = 0;
    writer_ = &listener;
    return std::nullopt;
  }
  CRANK_TRY_VOID(encoder.before(bytes.size(), output_));
  const bool full = output_.size() - sent_ > 4 * cork_limit;
  if (bytes.size() <= copy_limit && !full) {
    output_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    encoder.after(output_);
    if (output_.size() - sent_ >= cork_limit) send();
    if (!drained()) flush_soon();
    return bytes.size();
  }
  lent_ = bytes;
  lent_size_ = bytes.size();
  encoder_ = &encoder;
  lent_needs_end_ = encoder.is_chunked();
  send();
  if (broken_) return fail(*why_);
  if (lent_.empty()) return bytes.size();
  writer_ = &listener;
  return std::nullopt;
}

std::size_t Wire::cancel_write() noexcept {
  if (!writer_) return 0;
  writer_ = nullptr;
  const bool in_chunk = std::exchange(lent_needs_end_, false);
  if (!in_chunk && !transport_->is_tls()) {
    const std::size_t unsent = std::exchange(lent_, {}).size();
    if (unsent) encoder_->take_back(unsent);
    return lent_size_ - unsent;
  }
  // The chunk's size is already out, or part of a TLS record may be, so the rest has to follow: from a copy, because the
  // memory goes back now.
  output_.erase(0, std::exchange(sent_, 0));
  output_.append(reinterpret_cast<const char*>(lent_.data()), lent_.size());
  lent_ = {};
  if (in_chunk) output_.append("\r\n");
  return lent_size_;
}

void Wire::flush() {
  loop_.cancel_deferred(*this);
  wanted_drain_ = true;
  run_deferred();
}

void Wire::run_deferred() {
  if (broken_) return report_broken();
  send();
  if (broken_) return report_broken();
  finish_write();
  if (drained()) owner_.on_drained();
}

void Wire::send() {
  while (!broken_ && !drained()) {
    const iovec pieces[2] = {{output_.data() + sent_, output_.size() - sent_},
                             {const_cast<std::byte*>(lent_.data()), lent_.size()}};
    const bool has_output = pieces[0].iov_len != 0;
    auto attempt =
        transport_->write_now(has_output ? std::span(pieces, lent_.empty() ? 1 : 2) : std::span(pieces + 1, 1));
    if (!attempt) {
      full_ = true;
      return transport_->wait_writable();
    }
    if (!*attempt) return break_with(std::move(*attempt).error());
    std::size_t n = **attempt;
    owner_.on_progress();
    const auto from_output = std::min(n, pieces[0].iov_len);
    sent_ += from_output;
    if (sent_ == output_.size()) {
      output_.clear();
      sent_ = 0;
    }
    if (!lent_.empty()) {
      lent_ = lent_.subspan(n - from_output);
      if (lent_.empty() && std::exchange(lent_needs_end_, false)) {
        output_.append("\r\n");
        flush_soon();
        return;
      }
    }
  }
}

void Wire::on_writable() {
  if (broken_) return;
  full_ = false;
  send();
  finish_write();
  if (broken_)
    report_broken();
  else if (drained())
    owner_.on_drained();
}

void Wire::finish_write() {
  if (!writer_) return;
  if (broken_) return std::exchange(writer_, nullptr)->on_written(fail(*why_));
  if (lent_size_ ? lent_.empty() : drained() && !full_) std::exchange(writer_, nullptr)->on_written(lent_size_);
}

void Wire::break_with(Error why) {
  if (broken_) return;
  broken_ = true;
  why_ = std::move(why);
  lent_ = {};
  lent_needs_end_ = false;
  output_.clear();
  sent_ = 0;
  flush_soon();  // tells the owner from the end of the turn, not from inside its own call
}

void Wire::report_broken() {
  if (std::exchange(broken_told_, true)) return;
  if (auto* writer = std::exchange(writer_, nullptr)) writer->on_written(fail(*why_));
  if (auto* reader = std::exchange(reader_, nullptr)) reader->on_read(fail(*why_));
  owner_.on_broken(*why_);
}

void Wire::fail_all(Error why) noexcept { break_with(std::move(why)); }

void Wire::close() noexcept {
  loop_.cancel_deferred(*this);
  broken_told_ = true;
  if (!broken_) {
    broken_ = true;
    why_ = Error(Code::io, "the connection was closed");
  }
  lent_ = {};
  output_.clear();
  sent_ = 0;
  transport_->close();
}

}  // namespace crank::io::detail
