// Internal: handle values that come from guests, while no table holds them.
#pragma once

#include <string>

#include "crank/async/job.h"
#include "crank/component/program.h"
#include "crank/component/value.h"

namespace crank::component::detail {

class RootState;
struct Group;

/// A resource that a guest implements, in transit: an own handle (dropping it runs the destructor on the implementing
/// group's executor) or a borrow (dropping it does nothing).
class GuestResource final : public HandleObject {
 public:
  GuestResource(RootState& root, ResourceId resource, std::uint32_t rep, bool own) noexcept;
  ~GuestResource() override;

  RootState& root() const noexcept { return root_; }
  ResourceId resource() const noexcept { return resource_; }
  std::uint32_t rep() const noexcept { return rep_; }
  /// It stands in a table again: no destructor.
  void disown() noexcept { own_ = false; }
  bool own() const noexcept { return own_; }

 private:
  void dispose() noexcept override;
  struct DropJob : Job {
    GuestResource* object;
    Group* group;
  };
  RootState& root_;
  ResourceId resource_;
  std::uint32_t rep_;
  bool own_;
  DropJob job_;
};

struct ErrorContext final : HandleObject {
  explicit ErrorContext(std::string text) : message(std::move(text)) {}
  std::string message;
};

}  // namespace crank::component::detail
