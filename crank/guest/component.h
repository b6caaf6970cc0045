// Writing a component in C++: exports are coroutines, imports are awaited, and work may outlive the call that spawned it.
//
//     Task<String> foo(String s)        {                      // the export's body
//       String result;                                         // Heap<round_trip_string_t, round_trip_string_free>
//       if (!co_await guest::Subtask(crank_guests_baz_foo(*s, result.out()))) ...
//       spawn(tidy_up()).run_on();                                    // goes on after the answer
//       co_return result;
//     }
//     extern "C" std::uint32_t exports_crank_guests_baz_foo(round_trip_string_t* s) {
//       return guest::begin_export(foo(String(*s)), [](String& r) { exports_crank_guests_baz_foo_return(*r); });
//     }
//     extern "C" std::uint32_t exports_crank_guests_baz_foo_callback(round_trip_event_t* e) { return guest::resume_export(*e); }
//
// How a call is run: component_task.h. What can be awaited: component_wait.h, component_stream.h, and everything of
// crank/async. A guest that sleeps or reads a clock is built with CLOCK (cmake/CrankGuest.cmake).
#pragma once

#include <cstdint>
#include <expected>
#include <utility>

#include "crank/async/task.h"
#include "crank/guest/canonical.h"
#include "crank/guest/component_stream.h"
#include "crank/guest/component_task.h"
#include "crank/guest/component_wait.h"

namespace crank::guest {

/// The other answer of an export that its caller cancelled: no value. Returning a value in spite of it is allowed too.
struct Cancelled {};
inline constexpr std::unexpected<Cancelled> cancelled{Cancelled{}};
template <class T>
using Cancellable = std::expected<T, Cancelled>;

/// A value of the generated glue whose memory is ours: freed by the glue's function at the end of its scope.
template <class T, void (*free)(T*)>
class Heap {
 public:
  Heap() = default;
  /// Takes over what the glue handed out.
  explicit Heap(const T& value) noexcept : value_(value) {}
  Heap(Heap&& from) noexcept : value_(std::exchange(from.value_, T{})) {}
  Heap& operator=(Heap&& from) noexcept {
    std::swap(value_, from.value_);
    return *this;
  }
  ~Heap() { free(&value_); }

  /// For the glue to fill in.
  T* out() noexcept { return &value_; }
  /// The glue found nothing to hand out, and left what it did not write as it was.
  void forget() noexcept { value_ = T{}; }
  T* operator->() noexcept { return &value_; }
  T& operator*() noexcept { return value_; }

 private:
  T value_{};
};

namespace detail {

template <class T>
inline constexpr bool is_cancellable = false;
template <class T>
inline constexpr bool is_cancellable<Cancellable<T>> = true;

template <class T, class Give>
Task<> answer(Task<T> body, Give give) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(body);
    give();
  } else {
    T result = co_await std::move(body);
    if constexpr (is_cancellable<T>) {
      if (result)
        give(*result);
      else
        canonical::crank_task_cancel();
    } else {
      give(result);
    }
  }
}

}  // namespace detail

/// Runs an export: `body` is its first task, `give` passes its result to the generated `task.return`. Answers the callback
/// code to return to the host. A body of type Task<Cancellable<T>> may answer `cancelled`, once it was cancelled.
template <class T, class Give>
std::uint32_t begin_export(Task<T> body, Give give) {
  return ExportTask::begin(detail::answer(std::move(body), give));
}

/// The callback of every export, for any world's event type.
template <class GlueEvent>
std::uint32_t resume_export(const GlueEvent& event) {
  return ExportTask::resume({static_cast<canonical::EventCode>(event.event), event.waitable, event.code});
}

}  // namespace crank::guest
