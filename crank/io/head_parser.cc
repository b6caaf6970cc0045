#include "crank/io/head_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace crank::io::detail {
namespace {

namespace http = boost::beast::http;
using BeastString = boost::beast::string_view;
using boost::system::error_code;

std::string_view view(BeastString s) { return {s.data(), s.size()}; }

/// Beast's state machine, with fields stored flat instead of in a node each. The body stays with framing.h.
template <bool is_request>
class Parser final : public http::basic_parser<is_request> {
 public:
  using Head = std::conditional_t<is_request, RequestHead, ResponseHead>;
  Parser(Head& head, HeadFacts& facts, std::size_t limit) : head_(head), facts_(facts) {
    this->header_limit(static_cast<std::uint32_t>(limit));
    this->body_limit(boost::none);
    this->eager(false);
    head_.headers.clear();
    facts_ = {};
  }
  bool started = false;

 private:
  void on_request_impl(http::verb, BeastString method, BeastString target, int version, error_code& error) override {
    if constexpr (is_request) {
      head_.method.assign(method.data(), method.size());
      head_.target.assign(target.data(), target.size());
      head_.http_1_0 = version == 10;
      if (version != 10 && version != 11) error = http::error::bad_version;
    }
  }
  void on_response_impl(int code, BeastString, int version, error_code& error) override {
    if constexpr (!is_request) {
      head_.status = static_cast<std::uint16_t>(code);
      if (version != 10 && version != 11) error = http::error::bad_version;
    }
  }
  void on_field_impl(http::field field, BeastString name, BeastString value, error_code& error) override {
    if (field == http::field::transfer_encoding) {
      // Only plain "chunked" is understood; with any other coding two readers would see different bodies.
      if (transfer_encoding_ || !same_name(view(value), "chunked")) error = http::error::bad_transfer_encoding;
      transfer_encoding_ = true;
    }
    if (field == http::field::host) {
      if (is_request && host_) error = http::error::bad_field;
      host_ = true;
    }
    if (field == http::field::expect && same_name(view(value), "100-continue")) facts_.expects_continue = true;
    head_.headers.add(view(name), view(value));
  }
  void on_header_impl(error_code& error) override {
    if constexpr (is_request)
      if (!host_ && !head_.http_1_0) error = http::error::bad_field;
    facts_.keep_alive = this->keep_alive();
    facts_.chunked = this->chunked();
    facts_.upgrade = this->upgrade();
    if (auto length = this->content_length()) facts_.content_length = *length;
    if (facts_.chunked && facts_.content_length) error = http::error::bad_content_length;
    // HTTP/1.0 knows no chunks: somebody on the way may have read the body otherwise.
    if constexpr (is_request)
      if (transfer_encoding_ && head_.http_1_0) error = http::error::bad_transfer_encoding;
  }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(BeastString body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, BeastString, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastString body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}

  Head& head_;
  HeadFacts& facts_;
  bool transfer_encoding_ = false;
  bool host_ = false;
};

template <bool is_request>
Result<std::size_t> feed(Parser<is_request>& parser, std::string_view wire) {
  error_code error;
  if (!wire.empty()) parser.started = true;
  const auto consumed = parser.put(boost::asio::const_buffer(wire.data(), wire.size()), error);
  if (!error || error == http::error::need_more) return consumed;
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return fail(Code::limit, "receiving a message head: it is larger than allowed");
  return fail(Code::protocol, concat("receiving a message head: ", error.message()));
}

}  // namespace

struct RequestParser::State {
  std::size_t limit;
  RequestHead head;
  HeadFacts facts;
  std::optional<Parser<true>> parser;
};

RequestParser::RequestParser(std::size_t limit) : state_(std::make_unique<State>(State{.limit = limit})) { reset(); }
RequestParser::~RequestParser() = default;
void RequestParser::reset() { state_->parser.emplace(state_->head, state_->facts, state_->limit); }
bool RequestParser::started() const noexcept { return state_->parser->started; }
Result<std::size_t> RequestParser::parse(std::string_view wire) { return feed(*state_->parser, wire); }
bool RequestParser::done() const noexcept { return state_->parser->is_header_done(); }
RequestHead& RequestParser::head() noexcept { return state_->head; }
const HeadFacts& RequestParser::facts() const noexcept { return state_->facts; }

struct ResponseParser::State {
  std::size_t limit;
  bool answers_head = false;
  ResponseHead head;
  HeadFacts facts;
  std::optional<Parser<false>> parser;
};

ResponseParser::ResponseParser(std::size_t limit) : state_(std::make_unique<State>(State{.limit = limit})) {
  reset(false);
}
ResponseParser::~ResponseParser() = default;
void ResponseParser::reset(bool answers_head) {
  state_->answers_head = answers_head;
  state_->parser.emplace(state_->head, state_->facts, state_->limit);
  if (answers_head) state_->parser->skip(true);
}
Result<std::size_t> ResponseParser::parse(std::string_view wire) { return feed(*state_->parser, wire); }
bool ResponseParser::done() const noexcept { return state_->parser->is_header_done(); }
ResponseHead& ResponseParser::head() noexcept { return state_->head; }
const HeadFacts& ResponseParser::facts() const noexcept { return state_->facts; }
bool ResponseParser::has_no_body() const noexcept {
  const auto status = state_->head.status;
  return state_->answers_head || status < 200 || status == 204 || status == 304;
}

}  // namespace crank::io::detail
