// wasi:http/types request and response as the host holds them: a head, and a body that comes from a guest or the network.
//
//   made by a guest (request.new)                      received by the host
//   contents: its stream, or none                      source: an exchange of the server, a call of the client
//   trailers: its future                               trailers: known when the source has ended
//   transmission: the future it waits on, which the host resolves when the body is sent, or which follows the result
//   that the consuming guest gives to consume-body
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "crank/component/host_stream.h"
#include "crank/component/value.h"
#include "crank/io/http_body.h"
#include "crank/wasi/http_fields.h"
#include "crank/wasi/http_options.h"

namespace crank::wasi {

/// A body that arrives from the network. `owner` keeps the source alive; whoever lets go of it unread discards it.
struct HostBody {
  io::BodySource* source = nullptr;
  std::shared_ptr<void> owner;
  bool is_request = false;  ///< whose errors: of a request the server received, or a response the client did
  bool has_bytes = true;    ///< false: known to be empty
};

struct GuestBody {
  std::optional<component::StreamReader> contents;
  component::FutureReader trailers;
  component::FutureWriter transmission;
};

/// Moves once: to a consuming guest, or onto the wire. Dropped unused, a host body is discarded on its loop, and a guest
/// body's transmission ends with an error.
class Body {
 public:
  Body() = default;
  explicit Body(GuestBody from) : guest_(std::move(from)) {}
  explicit Body(HostBody from) : host_(std::move(from)) {}
  Body(Body&& from) noexcept;
  Body& operator=(Body&& from) noexcept;
  ~Body() { drop(); }

  bool is_host() const noexcept { return host_.has_value(); }
  bool is_guest() const noexcept { return guest_.has_value(); }
  /// Whether there may be bytes; false: known to be empty.
  bool has_contents() const noexcept { return guest_ ? guest_->contents.has_value() : host_ && host_->has_bytes; }
  GuestBody take_guest();
  HostBody take_host();

 private:
  void drop() noexcept;
  std::optional<GuestBody> guest_;
  std::optional<HostBody> host_;
};

/// wasi:http scheme.
struct Scheme {
  enum Kind : std::uint32_t { http, https, other } kind = http;
  std::string name;  ///< of `other`
};

class Request final : public component::HandleObject {
 public:
  std::string method = "GET";
  std::optional<std::string> path_with_query, authority;
  std::optional<Scheme> scheme;
  component::Ref<Fields> headers;
  component::Ref<RequestOptions> options;
  Body body;
};

class Response final : public component::HandleObject {
 public:
  std::uint16_t status = 200;
  component::Ref<Fields> headers;
  Body body;
};

/// The tuple that consume-body answers; `result` is the future the consumer gives (see the picture).
struct Context;
Result<component::Value> consume(Context& context, Body body, component::FutureReader result);

}  // namespace crank::wasi
