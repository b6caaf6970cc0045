#include "crank/wasi/http_message.h"

#include <utility>

#include "crank/async/spawn.h"
#include "crank/wasi/context.h"
#include "crank/wasi/http_error.h"
#include "crank/wasi/http_pump.h"
#include "crank/wasi/registration.h"

namespace crank::wasi {

using namespace component;

Body::Body(Body&& from) noexcept : guest_(std::move(from.guest_)), host_(std::move(from.host_)) {
  from.guest_.reset();
  from.host_.reset();
}
Body& Body::operator=(Body&& from) noexcept {
  if (this != &from) {
    drop();
    guest_ = std::exchange(from.guest_, std::nullopt);
    host_ = std::exchange(from.host_, std::nullopt);
  }
  return *this;
}
GuestBody Body::take_guest() {
  auto taken = std::move(*guest_);
  guest_.reset();
  return taken;
}
HostBody Body::take_host() {
  auto taken = std::move(*host_);
  host_.reset();
  return taken;
}

void Body::drop() noexcept {
  if (guest_) {
    guest_->transmission.set(Value::error(internal_error("the message was dropped before it was sent")));
    guest_.reset();
  }
  if (host_) discard(take_host());
}

namespace {

// The consumer's verdict about a body becomes the producer's transmission result.
Task<> follow(FutureReader verdict, FutureWriter transmission) {
  auto value = co_await verdict.read();
  transmission.set(value ? std::move(*value)
                         : Value::error(internal_error("the consumer of the body ended without a result")));
}

}  // namespace

Result<Value> consume(Context& context, Body body, FutureReader result) {
  const SpawnOptions apart{.executor = context.executor, .runtime = context.runtime};
  if (body.is_guest()) {
    auto guest = body.take_guest();
    spawn_detached(follow(std::move(result), std::move(guest.transmission)), apart).run_on();
    if (!guest.contents) guest.contents = make_stream(Value::Kind::u8).reader;
    return tuple(std::move(*guest.contents).into_value(), std::move(guest.trailers).into_value());
  }
  auto stream = make_stream(Value::Kind::u8);
  auto trailers = make_future(Value::Kind::variant);
  if (body.is_host()) {
    auto host = body.take_host();
    if (host.has_bytes) {
      spawn_detached(feed(std::move(host), std::move(stream.writer), std::move(trailers.writer)), apart).run_on();
      return tuple(std::move(stream.reader).into_value(), std::move(trailers.reader).into_value());
    }
  }
  stream.writer.close();
  trailers.writer.set(Value::ok(Value::none_option()));
  return tuple(std::move(stream.reader).into_value(), std::move(trailers.reader).into_value());
}

}  // namespace crank::wasi
