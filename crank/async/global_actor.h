// Global actors (R12): one isolation for state that is not inside one object: a table of the process, a device, the
// screen.
//
//     struct Catalogue : crank::GlobalActor<Catalogue> {};                  // names the actor
//     crank::Task<> publish(Page page, crank::On<Catalogue> = {});          // a function that runs on it, whoever calls
//     class Index : public crank::Isolated<Catalogue> { ... };              // a class whose member coroutines do
//     spawn(body(), {.executor = Catalogue::executor()});                   // a task that starts on it
//
// There is one for each tag in the process, since what it guards is there once in the process. It has no home: its jobs
// run on the runtime of whoever wakes it, and a task goes back to its own runtime afterwards. What stands on one global
// actor calls what is on the same without a hop. `MainActor` is the main executor of the runtime that the calling task
// belongs to.
#pragma once

#include <source_location>

#include "crank/async/default_actor.h"
#include "crank/async/promise.h"
#include "crank/async/turn.h"

namespace crank {
namespace detail {
ExecutorRef new_global_actor();
void assert_on(ExecutorRef executor, std::source_location here) noexcept;
ExecutorRef main_of_current_runtime() noexcept;
}  // namespace detail

/// Base of the tag that names a global actor.
template <class Tag>
class GlobalActor {
 public:
  /// Its executor; made at the first use, never destroyed.
  static const ExecutorRef& isolation() noexcept {
    static const ExecutorRef executor = detail::new_global_actor();
    return executor;
  }
  static ExecutorRef executor() noexcept { return isolation(); }
  /// A bug, named, if the code that asks does not run on it.
  static void assert_isolated(std::source_location here = std::source_location::current()) noexcept {
    detail::assert_on(isolation(), here);
  }
};

/// The main executor as a global actor: of the runtime of the task that calls.
struct MainActor {
  static const ExecutorRef& isolation() noexcept { return detail::main_mark; }
  /// Of the current runtime; there must be one.
  static ExecutorRef executor() noexcept { return detail::main_of_current_runtime(); }
  static void assert_isolated(std::source_location here = std::source_location::current()) noexcept {
    detail::assert_on(executor(), here);
  }
};

/// A parameter that says where a coroutine runs: `Task<> show(Page page, On<MainActor> = {})`. Holds nothing.
template <class Global>
struct On {
  using CrankIsolation = Global;
};

/// Base of classes whose member coroutines run on a global actor. Unlike an Actor it owns no executor and is held as
/// its user likes; the object must outlive the calls.
template <class Global>
class Isolated {
 public:
  using IsCrankActor = void;
  static const ExecutorRef& isolation() noexcept { return Global::isolation(); }
  static ExecutorRef executor() noexcept { return Global::executor(); }
  static void assert_isolated(std::source_location here = std::source_location::current()) noexcept {
    Global::assert_isolated(here);
  }

 protected:
  ~Isolated() = default;
};

}  // namespace crank
