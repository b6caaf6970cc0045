// Parts wired by name into one program at run time: the imports of a part are filled by exports of other parts, and by
// the host. Each part is a root of its own, held in a slot: instantiated when first called, replaced after a trap or
// when its uses are spent, while calls in flight finish on the old one. Neighbours live on.
//
//   Composition::Builder builder(imports);
//   builder.part({"middleware", middleware}).plug({"service", service});
//   CRANK_TRY(auto app, builder.link());
//   CRANK_TRY(auto handle, app->function("wasi:http/handler@0.3.0#handle"));
//   auto answer = co_await app->call(handle, values(std::move(request)));
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crank/async/task.h"
#include "crank/base/result.h"
#include "crank/component/blueprint.h"
#include "crank/component/host.h"
#include "crank/component/root.h"

namespace crank::component {

/// When a call gets a fresh root (DESIGN, C7).
struct ReusePolicy {
  std::uint32_t concurrent = 1;  ///< calls from outside at once in one root; a busy slot opens another root
  std::uint32_t max_uses = 1;    ///< calls one root may serve in all; 0: without end
  static constexpr ReusePolicy fresh() { return {1, 1}; }
  static constexpr ReusePolicy serial(std::uint32_t uses = 0) { return {1, uses}; }
  static constexpr ReusePolicy concurrently(std::uint32_t n, std::uint32_t uses = 0) { return {n, uses}; }
};

struct PartOptions {
  std::string name;
  std::shared_ptr<const Blueprint> blueprint;
  /// For calls from the host. A part called by another part keeps one root for all its callers until that root ends,
  /// or its uses (`max_uses`) are spent: streams and resources between the two belong together. A root in the middle of
  /// a turn that is longer than a slice gets no new calls, unless it defines resources that its callers may hold.
  ReusePolicy reuse = ReusePolicy::concurrently(0xffff'ffffu);
  RootOptions root;
};

class Composition : public std::enable_shared_from_this<Composition> {
 public:
  class Builder {
   public:
    explicit Builder(Imports imports);
    /// The part whose exports are the composition's own. Exactly one.
    Builder& part(PartOptions part);
    /// A part that fills imports of the main part and of other plugs, by interface name (semver-compatible). Where two
    /// plugs have the same export, the one added first wins; a part never fills its own import.
    Builder& plug(PartOptions part);
    /// Checks every edge: types of both sides (bad_type shows both), missing imports (missing_import names the nearest
    /// and who has it), cycles (bad_argument). Instantiates nothing.
    Result<std::shared_ptr<Composition>> link();

   private:
    Imports imports_;
    std::vector<PartOptions> parts_;  // [0] is the main one
    bool has_main_ = false;
  };

  ~Composition();

  Result<Function> function(std::string_view path) const;
  /// Calls an export of the main part on a root chosen by its reuse policy.
  [[nodiscard]] Task<Result<Value>> call(Function function, std::vector<Value> arguments, CallOptions options = {});

  /// The edges, one a line ("middleware wasi:http/handler@0.3.0 -> service"), then what the host fills.
  std::string describe() const;
  std::size_t part_count() const noexcept;
  std::string_view part_name(std::size_t part) const;
  /// Roots made for that part so far, and how many of them ended in a trap.
  struct Counts {
    std::uint64_t made = 0, trapped = 0;
    std::uint32_t live = 0, calls_in_flight = 0;
  };
  Counts counts(std::size_t part) const;

  /// Refuses new calls; returns when those in flight are answered and their tasks have ended, or `grace` is over, then
  /// destroys what is left.
  [[nodiscard]] Task<> stop(std::chrono::nanoseconds grace);

  struct Wiring;
  explicit Composition(std::unique_ptr<Wiring> wiring);  // internal: Builder::link makes them

 private:
  std::unique_ptr<Wiring> wiring_;
};

}  // namespace crank::component
