// A host for natively compiled guests, turned by hand: it notes what the guest asks for, and the test answers when and in
// what order it likes. Time is virtual. `finish` plays the whole loop of docs/reactor-abi.md, section 6.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crank/guest/bridge.h"
#include "crank/guest/pump.h"

namespace crank::guest {

class FakeHost {
 public:
  struct Request {
    std::string kind;  // call, http, read, timer
    std::uint32_t token = 0, task = 0, number = 0;
    std::string name, payload;
  };
  struct Completion {
    Status status;
    std::string text;
  };
  /// What a bridge of the host answers; none: it never does.
  using Function = std::function<std::string(std::string_view argument)>;

  Imports imports() { return {&table, this}; }

  std::vector<Request> requests;  // not answered yet
  std::map<std::uint32_t, std::vector<Completion>> completed;
  std::vector<std::uint32_t> forgotten, closed;
  std::vector<std::string> log;
  std::map<std::string, Function> functions;
  /// Instead of `functions`, when set: status and text, or nothing, and then it is never answered.
  std::function<std::optional<std::pair<Status, std::string>>(const Request& request)> serve;
  std::int64_t clock = 0;
  /// Which of the open requests is answered next; the first by default.
  std::vector<std::size_t> picks;

  static std::byte* block(std::string_view text) {
    if (text.empty()) return nullptr;
    auto* bytes = static_cast<std::byte*>(std::malloc(text.size()));
    std::memcpy(bytes, text.data(), text.size());
    return bytes;
  }
  static std::uint32_t start(Pump& pump, EntryFunction entry, std::string_view argument = {}) {
    return pump.start(entry, block(argument), argument.size());
  }
  /// Hands an answer to whatever holds the resume table; frees it when it is refused.
  template <class Guest>
  static Resumed resume(Guest& guest, std::uint32_t token, Status status, std::string_view text = {}) {
    std::byte* bytes = block(text);
    Resumed outcome = guest.resume(token, status, bytes, text.size());
    if (outcome != Resumed::accepted) std::free(bytes);
    return outcome;
  }

  /// Answers one request, by `functions`; false when there is none.
  template <class Guest>
  bool answer_one(Guest& guest) {
    if (requests.empty()) return false;
    std::size_t pick = 0;
    if (!picks.empty()) {
      pick = std::min(picks[answered_ % picks.size()], requests.size() - 1);
      ++answered_;
    }
    Request request = requests[pick];
    requests.erase(requests.begin() + static_cast<std::ptrdiff_t>(pick));
    if (serve) {
      if (auto answer = serve(request)) resume(guest, request.token, answer->first, answer->second);
      return true;
    }
    auto function = functions.find(request.name);
    if (function == functions.end())
      resume(guest, request.token, Status::refused, "the host offers no such thing");
    else
      resume(guest, request.token, Status::ok, function->second(request.payload));
    return true;
  }

  static void drain(Pump& pump, std::uint32_t budget = unlimited) {
    while (pump.pump(budget).ready > 0) {}
  }
  /// Pumps, answers and moves the clock until the task is complete; false when it never will be.
  bool finish(Pump& pump, std::uint32_t task, std::uint32_t budget = unlimited) {
    for (drain(pump, budget); completed[task].empty(); drain(pump, budget)) {
      if (answer_one(pump)) continue;
      if (pump.deadline() == no_deadline) return false;
      clock = std::max(clock, pump.deadline());
    }
    return true;
  }
  std::string text_of(std::uint32_t task) {
    return completed[task].empty() ? "not complete" : completed[task].front().text;
  }

  static const ImportTable table;

 private:
  static FakeHost& of(void* self) { return *static_cast<FakeHost*>(self); }
  std::size_t answered_ = 0;
};

inline const ImportTable FakeHost::table{
    .complete =
        [](void* self, std::uint32_t task, Status status, ImportTable::Bytes payload) noexcept {
          of(self).completed[task].push_back({status, std::string(as_text(payload))});
        },
    .http =
        [](void* self, std::uint32_t token, std::uint32_t task, HttpFlags flags, ImportTable::Bytes request) noexcept {
          of(self).requests.push_back(
              {"http", token, task, static_cast<std::uint32_t>(flags), "http", std::string(as_text(request))});
        },
    .read =
        [](void* self, std::uint32_t token, std::uint32_t task, std::uint32_t stream) noexcept {
          of(self).requests.push_back({"read", token, task, stream, "read", ""});
        },
    .close = [](void* self, std::uint32_t stream) noexcept { of(self).closed.push_back(stream); },
    .call =
        [](void* self, std::uint32_t token, std::uint32_t task, std::string_view name,
           ImportTable::Bytes argument) noexcept {
          of(self).requests.push_back({"call", token, task, 0, std::string(name), std::string(as_text(argument))});
        },
    .timer = [](void* self, std::uint32_t token, std::uint32_t task,
                std::int64_t) noexcept { of(self).requests.push_back({"timer", token, task, 0, "timer", ""}); },
    .forget =
        [](void* self, std::uint32_t token) noexcept {
          of(self).forgotten.push_back(token);
          std::erase_if(of(self).requests, [&](const Request& request) { return request.token == token; });
        },
    .now = [](void* self) noexcept { return of(self).clock; },
    .log = [](void* self, LogLevel, std::string_view text) noexcept { of(self).log.emplace_back(text); },
    .trace = [](void*, std::uint32_t, std::uint32_t, std::int64_t) noexcept {},
};

}  // namespace crank::guest
