// What a reactor may ask of its embedder: named functions, and HTTP. Registered before the reactor opens; shared by reactors.
//
//     auto bridges = std::make_shared<Bridges>();
//     bridges->add("position", [](BridgeRequest request) -> Task<Result<Bytes>> { co_return to_bytes(co_await gps()); });
//     bridges->add_immediate("level", [](BridgeRequest& request) -> Result<Bytes> { return to_bytes("3"); });
//
// A bridge runs as a task of the reactor's runtime, outside of the guest; its answer resumes the guest exactly once. It is
// cancelled when the guest forgets the token, when the reactor closes, and at the bridge's own deadline.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crank/async/runtime.h"
#include "crank/async/task.h"
#include "crank/reactor/contract.h"

namespace crank::reactor {

struct BridgeRequest {
  std::string name;
  Bytes argument;
  std::uint32_t token = 0;
  std::uint32_t task = 0;
};

/// Any callable that takes a BridgeRequest and returns Task<Result<Bytes>>: a coroutine, also a capturing lambda, which is
/// kept for as long as the bridges are.
class Bridge {
 public:
  Bridge() = default;
  template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, Bridge>)
  Bridge(Function function) : holder_(std::make_shared<Holder<Function>>(std::move(function))) {}  // NOLINT
  explicit operator bool() const noexcept { return holder_ != nullptr; }
  [[clang::coro_wrapper]] Task<Result<Bytes>> operator()(BridgeRequest request) const {
    return holder_->call(std::move(request));
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual Task<Result<Bytes>> call(BridgeRequest request) = 0;
  };
  template <class Function>
  struct Holder final : Base {
    Function function;
    explicit Holder(Function f) : function(std::move(f)) {}
    [[clang::coro_wrapper]] Task<Result<Bytes>> call(BridgeRequest request) override {
      return function(std::move(request));
    }
  };
  std::shared_ptr<Base> holder_;
};
using ImmediateBridge = std::function<Result<Bytes>(BridgeRequest& request)>;

/// An HTTP request of a guest, as the contract writes it.
struct HttpQuery {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;
  bool in_chunks = false;
};

/// The rest of an answer's body, when the guest asked for chunks.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  /// The next piece; empty at the end.
  virtual Task<Result<Bytes>> next() = 0;
};

struct HttpAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;                      ///< all of it, or nothing when `rest` is set
  std::unique_ptr<HttpBody> rest;  ///< set only for HttpQuery::in_chunks
};

/// The embedder's HTTP: its TLS, cookies and credentials, its list of allowed hosts. See http.h for the one over crank/io.
class HttpGate {
 public:
  virtual ~HttpGate() = default;
  /// Code::unsupported: not allowed (the guest gets `refused`).
  virtual Task<Result<HttpAnswer>> fetch(HttpQuery query) = 0;
};

/// Reads `METHOD SP URL LF` (`name: value LF`)* LF body.
Result<HttpQuery> parse_query(View text);
/// Writes `CODE SP STREAM LF` (`name: value LF`)* LF body.
Bytes format_answer(const HttpAnswer& answer, std::uint32_t stream);

class Bridges {
 public:
  void add(std::string name, Bridge bridge, Duration deadline = {}) {
    named_[std::move(name)] = {std::move(bridge), {}, deadline};
  }
  /// One that answers at once: called in the turn, outside of the guest.
  void add_immediate(std::string name, ImmediateBridge bridge) {
    named_[std::move(name)] = {{}, std::move(bridge), {}};
  }
  void set_http(std::shared_ptr<HttpGate> gate, Duration deadline = {}) {
    http_ = std::move(gate), http_deadline_ = deadline;
  }

  struct Entry {
    Bridge bridge;
    ImmediateBridge immediate;
    Duration deadline{};  ///< zero: none
  };
  const Entry* find(std::string_view name) const {
    auto found = named_.find(name);
    return found == named_.end() ? nullptr : &found->second;
  }
  HttpGate* http() const noexcept { return http_.get(); }
  Duration http_deadline() const noexcept { return http_deadline_; }

 private:
  std::map<std::string, Entry, std::less<>> named_;
  std::shared_ptr<HttpGate> http_;
  Duration http_deadline_{};
};

}  // namespace crank::reactor
