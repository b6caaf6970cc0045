// The same source as a module, compiled into this program, behind the Guest calls: the rung `bundled` of a chain. Written for
// any twin of the guest side (`crank::guest::Twin` in crank/guest/twin.h), so that this layer needs none.
//
//     auto make = native_guest<guest::Twin>("analytics");
//     CRANK_TRY(auto reactor, Reactor::open(runtime, make, options));
//
// It obeys the same contract: entries only enqueue, bodies run in pump turns, bridges cross by token. It cannot be preempted,
// and a crash of it is a crash of the program.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "crank/reactor/guest.h"
#include "crank/reactor/reactor.h"

namespace crank::reactor {

template <class Twin>
class NativeGuest final : public Guest {
 public:
  NativeGuest(std::string module, GuestHost& host)
      : module_(std::move(module)), host_(host), pump_(typename Twin::Imports{&table, this}) {}
  ~NativeGuest() override {
    // Frames must end before the pump goes: ask everything to stop, and answer what is asked for no more.
    for (std::uint32_t task : live_) pump_.cancel(task);
    ending_ = true;
    for (int i = 0; i < 100 && pump_.pump(~0u).ran > 0; ++i) {}
  }

  bool has(std::string_view entry) const override { return function(entry) != nullptr; }
  Result<std::uint32_t> enter(std::string_view entry, View argument) override {
    auto found = function(entry);
    if (found == nullptr)
      return fail(Code::missing_export,
                  concat("calling \"", entry, "\": the native module ", module_, " has no such entry"));
    std::uint32_t task = pump_.start(found, copy(argument), argument.size());
    if (task != 0) live_.push_back(task);
    return task;
  }
  Result<std::optional<Pumped>> pump(std::uint32_t budget) override {
    if (inside_)
      return fail(Code::bad_state,
                  "pumping: attempted from inside a guest call; the host pumps from the top of the stack only");
    inside_ = true;
    auto did = pump_.pump(budget);
    inside_ = false;
    return std::optional(Pumped{did.ran, did.ready});
  }
  Result<std::optional<Pumped>> go_on() override { return fail(Code::bad_state, "a native guest is never preempted"); }
  Result<Resumed> resume(std::uint32_t token, Status status, View payload) override {
    std::byte* data = copy(payload);
    auto told =
        static_cast<Resumed>(pump_.resume(token, static_cast<typename Twin::Status>(status), data, payload.size()));
    if (told != Resumed::accepted) std::free(data);
    return told;
  }
  Result<bool> cancel(std::uint32_t task) override { return pump_.cancel(task); }
  Result<std::int64_t> deadline() override { return pump_.deadline(); }
  std::string describe(std::uint32_t) override { return {}; }

 private:
  static std::byte* copy(View bytes) {
    if (bytes.empty()) return nullptr;
    auto* data = static_cast<std::byte*>(std::malloc(bytes.size()));
    std::memcpy(data, bytes.data(), bytes.size());
    return data;
  }
  typename Twin::EntryFunction function(std::string_view entry) const {
    return entry == "crank_probe" ? Twin::probe() : Twin::find(module_, entry);
  }
  static NativeGuest& self(void* context) noexcept { return *static_cast<NativeGuest*>(context); }
  void ask(const Request& request) noexcept {
    if (!ending_) host_.on_request(request);
  }

  static inline const typename Twin::ImportTable table = [] {
    using HttpFlags = typename Twin::HttpFlags;
    using GuestLevel = typename Twin::LogLevel;
    typename Twin::ImportTable t;
    t.complete = [](void* c, std::uint32_t task, typename Twin::Status status, View payload) noexcept {
      std::erase(self(c).live_, task);
      if (!self(c).ending_) self(c).host_.on_complete(task, static_cast<std::uint32_t>(status), payload);
    };
    t.http = [](void* c, std::uint32_t token, std::uint32_t task, HttpFlags flags, View request) noexcept {
      self(c).ask({.kind = Request::Kind::http,
                   .token = token,
                   .task = task,
                   .number = static_cast<std::uint32_t>(flags),
                   .payload = request});
    };
    t.read = [](void* c, std::uint32_t token, std::uint32_t task, std::uint32_t stream) noexcept {
      self(c).ask({.kind = Request::Kind::read, .token = token, .task = task, .number = stream});
    };
    t.close = [](void* c, std::uint32_t stream) noexcept {
      if (!self(c).ending_) self(c).host_.on_close(stream);
    };
    t.call = [](void* c, std::uint32_t token, std::uint32_t task, std::string_view name, View argument) noexcept {
      self(c).ask({.kind = Request::Kind::call, .token = token, .task = task, .name = name, .payload = argument});
    };
    t.timer = [](void* c, std::uint32_t token, std::uint32_t task, std::int64_t deadline) noexcept {
      self(c).ask({.kind = Request::Kind::timer, .token = token, .task = task, .deadline = deadline});
    };
    t.forget = [](void* c, std::uint32_t token) noexcept {
      if (!self(c).ending_) self(c).host_.on_forget(token);
    };
    t.now = [](void* c) noexcept { return self(c).host_.on_now(); };
    t.log = [](void* c, GuestLevel level, std::string_view text) noexcept {
      self(c).host_.on_log(static_cast<LogLevel>(level), text);
    };
    t.trace = [](void* c, std::uint32_t event, std::uint32_t task, std::int64_t value) noexcept {
      self(c).host_.on_trace(event, task, value);
    };
    return t;
  }();

  std::string module_;
  GuestHost& host_;
  std::vector<std::uint32_t> live_;
  bool inside_ = false, ending_ = false;
  typename Twin::Pump pump_;
};

/// For Reactor::open: the natively compiled module of that name.
template <class Twin>
Reactor::MakeGuest native_guest(std::string module) {
  return [module](GuestHost& host) -> Result<std::unique_ptr<Guest>> {
    return std::make_unique<NativeGuest<Twin>>(module, host);
  };
}

}  // namespace crank::reactor
