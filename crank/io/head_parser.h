// Parses the heads of requests and responses with Boost.Beast's parser. Users don't read this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "crank/base/result.h"
#include "crank/io/http_message.h"

namespace crank::io::detail {

/// What the head says about its body and its connection.
struct HeadFacts {
  bool keep_alive = true;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool expects_continue = false;
  bool upgrade = false;
};

/// Codes of errors: limit (head too large), protocol (not HTTP, or a head two readers could read differently).
class RequestParser {
 public:
  explicit RequestParser(std::size_t head_limit);
  ~RequestParser();
  void reset();
  /// Whether a first byte of the current head was seen.
  bool started() const noexcept;
  /// Bytes of `wire` consumed; done() tells whether the head is complete.
  Result<std::size_t> parse(std::string_view wire);
  bool done() const noexcept;
  RequestHead& head() noexcept;
  const HeadFacts& facts() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ResponseParser {
 public:
  explicit ResponseParser(std::size_t head_limit);
  ~ResponseParser();
  void reset(bool answers_head_request);
  Result<std::size_t> parse(std::string_view wire);
  bool done() const noexcept;
  ResponseHead& head() noexcept;
  const HeadFacts& facts() const noexcept;
  /// HEAD, 1xx, 204, 304.
  bool has_no_body() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crank::io::detail
