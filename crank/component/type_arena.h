// The owner of a Program's types: makes each structurally different type once, computes its canonical layout, and keeps
// it at one address as long as the arena lives. Parts must come from the same arena. Host code that needs types of its
// own (tests, values without a component) makes an arena and asks it for them.
// Making types is not thread-safe; reading finished ones is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crank/component/types.h"

namespace crank::component {

class TypeArena {
 public:
  TypeArena();
  ~TypeArena();
  TypeArena(const TypeArena&) = delete;
  TypeArena& operator=(const TypeArena&) = delete;

  /// bool_ … string and error_context.
  TypeRef primitive(TypeKind kind) const;
  TypeRef list(TypeRef element);
  /// `length` is at least 1.
  TypeRef fixed_list(TypeRef element, std::uint32_t length);
  TypeRef map(TypeRef key, TypeRef value);
  /// Fields need name and type; offsets are computed. At least one.
  TypeRef record(std::vector<Field> fields);
  TypeRef tuple(const std::vector<TypeRef>& elements);
  /// Cases need a name and may have a type. At least one.
  TypeRef variant(std::vector<Field> cases);
  TypeRef enum_(const std::vector<std::string>& cases);
  /// At least one label and at most 32.
  TypeRef flags(const std::vector<std::string>& labels);
  TypeRef option(TypeRef some);
  TypeRef result(TypeRef ok, TypeRef error);  ///< null: no payload
  TypeRef own(ResourceId resource);
  TypeRef borrow(ResourceId resource);
  TypeRef stream(TypeRef element);  ///< null: no payload
  TypeRef future(TypeRef element);  ///< null: no payload

  /// Parameters need name and type; offsets are computed.
  const FuncType* function(std::vector<Field> params, TypeRef result, bool async_ = false);

  /// How many different value types it holds.
  std::size_t size() const noexcept;

 private:
  struct Tables;
  TypeRef intern(Type&& type);
  std::unique_ptr<Tables> tables_;
};

}  // namespace crank::component
