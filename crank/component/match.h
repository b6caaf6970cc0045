// Whether what one component exports may fill what another imports. Both are Programs of their own, so types are compared
// by structure, and resources through a mapping that grows as named resources are paired. Also how names are paired:
// exactly, by compatible version, and, for messages, by likeness.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/program.h"

namespace crank::component {

/// Which resource of the provider stands for which resource of the importer. One to one in neither direction: two
/// imported resources may be filled by one.
class ResourceMapping {
 public:
  std::optional<ResourceId> find(ResourceId wanted) const;
  /// Pairs them; false if `wanted` is paired with another one already.
  bool bind(ResourceId wanted, ResourceId provided);

 private:
  std::unordered_map<std::uint32_t, ResourceId> provided_;
};

/// One importer looking at one provider.
class Matcher {
 public:
  Matcher(const Program& importer, const Program& provider) : importer_(importer), provider_(provider) {}

  /// Whether `provided` (an export of the provider) may fill `wanted` (one of the importer's import_items). An instance
  /// must have every member that is asked for, and may have more. On failure Code::bad_type with both types in WIT
  /// notation, or Code::missing_export with the nearest name the instance does have.
  Result<> satisfies(const Export& wanted, const ExportItem& provided);

  /// Structural equality; names of parameters, fields and cases count. Resources that are not paired yet are paired if
  /// the provider imports the same resource, or calls its own by the same name.
  bool same(TypeRef wanted, TypeRef provided);
  bool same(const FuncType& wanted, const FuncType& provided);
  bool same(ResourceId wanted, ResourceId provided);

  const ResourceMapping& resources() const noexcept { return resources_; }

 private:
  Result<> satisfies(const Export& wanted, const ExportItem& provided, const std::string& path);

  const Program& importer_;
  const Program& provider_;
  ResourceMapping resources_;
  std::unordered_map<TypeRef, TypeRef> equal_;  // what was found equal; every wanted type equals at most one provided
};

/// Whether an instance named `provided` may fill an import named `wanted`: the same name but for the versions, and those
/// compatible under semver (1.x with 1.y, 0.2.x with 0.2.y, 0.0.1 only with itself; pre-releases only with themselves).
bool compatible_names(std::string_view wanted, std::string_view provided) noexcept;

/// The index of what should fill `wanted`: the exact name, else the newest compatible version.
std::optional<std::size_t> find_compatible(std::string_view wanted, std::span<const std::string_view> provided);

/// The candidate that looks most like `wanted`, or nothing if none is near enough to be a slip of the pen.
std::string_view nearest(std::string_view wanted, std::span<const std::string_view> candidates);

/// "; did you mean `x`?", or nothing.
std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> candidates);

}  // namespace crank::component
