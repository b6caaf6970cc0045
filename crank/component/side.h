// Internal: one side of a call as lifting and lowering see it (abi.h): the memory and realloc of its options, the handle
// table of its instance, and the scope that borrows belong to (a subtask when lifting, a task when lowering).
#pragma once

#include "crank/component/abi.h"
#include "crank/component/group.h"
#include "crank/component/linked.h"

namespace crank::component::detail {

class Side final : public Reallocator, public HandleAccess {
 public:
  /// `chain`: the innermost activation of this native stack. The instance's executor is held.
  Side(InstanceState& instance, ResolvedOptions* options, Call* scope, Activation* chain) noexcept;
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  LiftLowerContext context;
  InstanceState& instance() const noexcept { return instance_; }

  Result<std::uint32_t> reallocate(std::uint32_t old, std::uint32_t old_size, std::uint32_t alignment,
                                   std::uint32_t new_size) override;
  MemoryView memory() override;

  Result<Ref<HandleObject>> lift_own(TypeRef type, std::uint32_t index) override;
  Result<Ref<HandleObject>> lift_borrow(TypeRef type, std::uint32_t index) override;
  Result<Ref<HandleObject>> lift_stream(TypeRef type, std::uint32_t index) override;
  Result<Ref<HandleObject>> lift_future(TypeRef type, std::uint32_t index) override;
  Result<Ref<HandleObject>> lift_error_context(std::uint32_t index) override;
  Result<std::uint32_t> lower_own(TypeRef type, Ref<HandleObject> object) override;
  Result<std::uint32_t> lower_borrow(TypeRef type, Ref<HandleObject> object) override;
  Result<std::uint32_t> lower_stream(TypeRef type, Ref<HandleObject> object) override;
  Result<std::uint32_t> lower_future(TypeRef type, Ref<HandleObject> object) override;
  Result<std::uint32_t> lower_error_context(Ref<HandleObject> object) override;

 private:
  InstanceState& instance_;
  ResolvedOptions* options_;
  Call* scope_;
  Activation* chain_;
};

/// Writes a result of full width to the caller's out pointer.
Result<> store_scalar(InstanceState& instance, ResolvedOptions& options, std::uint32_t address, std::uint32_t size,
                      std::uint64_t bits);

}  // namespace crank::component::detail
