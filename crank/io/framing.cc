#include "crank/io/framing.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace crank::io::detail {
namespace {

constexpr std::size_t max_size_line = 256;  // chunk extensions are allowed and ignored; more is an attack

Error over_limit(std::uint64_t limit) {
  return Error(Code::limit, concat("receiving a body: it is larger than the ", limit, " bytes allowed"));
}

}  // namespace

void BodyDecoder::start_length(std::uint64_t length, Limits limits) {
  *this = BodyDecoder(Mode::length);
  remaining_ = length;
  limits_ = limits;
  state_ = length ? State::data : State::done;
}
void BodyDecoder::start_chunked(Limits limits) {
  *this = BodyDecoder(Mode::chunked);
  limits_ = limits;
  state_ = State::size_line;
}
void BodyDecoder::start_until_close(Limits limits) {
  *this = BodyDecoder(Mode::until_close);
  limits_ = limits;
  state_ = State::data;
}

std::uint64_t BodyDecoder::direct() const noexcept {
  if (state_ != State::data) return 0;
  // One byte over the limit is still read, so that the excess is noticed.
  return mode_ == Mode::until_close ? limits_.body - std::min(limits_.body, total_) + (limits_.body != UINT64_MAX)
                                    : remaining_;
}

void BodyDecoder::took_direct(std::size_t bytes) noexcept {
  total_ += bytes;
  if (mode_ == Mode::until_close) return;
  remaining_ -= bytes;
  if (remaining_ == 0) state_ = mode_ == Mode::chunked ? State::after_data : State::done;
}

Result<BodyDecoder::Step> BodyDecoder::decode(std::string_view wire, std::span<std::byte> into) {
  Step step;
  while (state_ != State::done && step.consumed < wire.size()) {
    if (state_ == State::data) {
      const auto n = static_cast<std::size_t>(
          std::min<std::uint64_t>({direct(), wire.size() - step.consumed, into.size() - step.produced}));
      if (n == 0 && direct() != 0) break;  // `into` is full
      if (n) std::memcpy(into.data() + step.produced, wire.data() + step.consumed, n);
      took_direct(n);
      step.consumed += n;
      step.produced += n;
      if (total_ > limits_.body) return fail(over_limit(limits_.body));
      continue;
    }
    const auto newline = wire.find('\n', step.consumed);
    const auto end = newline == wire.npos ? wire.size() : newline;
    line_.append(wire, step.consumed, end - step.consumed);
    step.consumed = newline == wire.npos ? end : end + 1;
    if (line_.size() > (state_ == State::trailer ? limits_.trailers : max_size_line))
      return fail(state_ == State::trailer ? Code::limit : Code::protocol,
                  concat("receiving a chunked body: a framing line is longer than ", line_.size() - 1, " bytes"));
    if (newline == wire.npos) break;
    CRANK_TRY_VOID(end_of_line());
    line_.clear();
  }
  return step;
}

Result<> BodyDecoder::end_of_line() {
  // A bare newline would let two parsers disagree about where a message ends.
  if (line_.empty() || line_.back() != '\r')
    return fail(Code::protocol, "receiving a chunked body: a framing line does not end in CR LF");
  std::string_view line(line_.data(), line_.size() - 1);
  switch (state_) {
    case State::size_line: {
      std::uint64_t size = 0;
      auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
      const std::string_view rest(end, static_cast<std::size_t>(line.data() + line.size() - end));
      const auto extension = rest.find_first_not_of(" \t");
      if (error != std::errc() || end == line.data() || size > (std::uint64_t{1} << 62) ||
          (extension != rest.npos && rest[extension] != ';'))
        return fail(Code::protocol, concat("receiving a chunked body: '", line, "' is no chunk size"));
      if (size > limits_.body - std::min(total_, limits_.body)) return fail(over_limit(limits_.body));
      remaining_ = size;
      state_ = size ? State::data : State::trailer;
      return {};
    }
    case State::after_data:
      if (!line.empty()) return fail(Code::protocol, "receiving a chunked body: a chunk is longer than its size says");
      state_ = State::size_line;
      return {};
    case State::trailer: {
      if (line.empty()) {
        state_ = State::done;
        return {};
      }
      trailer_bytes_ += line.size();
      if (trailer_bytes_ > limits_.trailers)
        return fail(Code::limit,
                    concat("receiving trailers: they are larger than the ", limits_.trailers, " bytes allowed"));
      const auto colon = line.find(':');
      if (colon == line.npos || !is_token(line.substr(0, colon)))
        return fail(Code::protocol, concat("receiving trailers: '", line, "' is no field"));
      auto value = line.substr(colon + 1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
      while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
      if (!is_field_value(value)) return fail(Code::protocol, "receiving trailers: a value has control characters");
      trailers_.add(line.substr(0, colon), value);
      return {};
    }
    case State::data:
    case State::done: break;
  }
  return {};
}

Result<> BodyDecoder::at_eof() {
  if (state_ == State::done) return {};
  if (mode_ == Mode::until_close) {
    state_ = State::done;
    return {};
  }
  return fail(Code::io, mode_ == Mode::length
                            ? concat("receiving a body: the connection closed with ", remaining_, " bytes missing")
                            : std::string("receiving a chunked body: the connection closed before its end"));
}

void BodyEncoder::start(std::optional<std::uint64_t> length, bool may_chunk) {
  mode_ = length ? Mode::length : may_chunk ? Mode::chunked : Mode::until_close;
  remaining_ = length.value_or(0);
}

Result<> BodyEncoder::before(std::size_t size, std::string& out) {
  if (mode_ == Mode::length) {
    if (size > remaining_)
      return fail(Code::bad_state,
                  concat("sending a body: ", size - remaining_, " bytes more than its content-length"));
    remaining_ -= size;
  } else if (mode_ == Mode::chunked) {
    char digits[20];
    auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
    out.append(digits, end).append("\r\n");
  }
  return {};
}

Result<> BodyEncoder::end(const Headers* trailers, std::string& out) {
  if (mode_ == Mode::length && remaining_ != 0)
    return fail(Code::bad_state, concat("sending a body: ", remaining_, " bytes short of its content-length"));
  if (mode_ == Mode::chunked) {
    out.append("0\r\n");
    if (trailers) trailers->write_to(out);
    out.append("\r\n");
  }
  return {};
}

}  // namespace crank::io::detail
