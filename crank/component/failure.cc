#include "crank/component/failure.h"

namespace crank::component::detail {

std::optional<Value> failure_value(const FuncType& type, const Error& error) {
  if (!type.result || type.result->kind != TypeKind::result) return std::nullopt;
  TypeRef failure = type.result->fields[1].type;
  if (!failure) return std::nullopt;
  if (failure->kind != TypeKind::variant) return std::nullopt;
  for (std::uint32_t i = 0; i < failure->fields.size(); ++i) {
    const Field& field = failure->fields[i];
    if (field.name != "internal-error") continue;
    if (!field.type) return Value::error(Value::variant(i));
    if (field.type->kind == TypeKind::option && field.type->fields[1].type->kind == TypeKind::string)
      return Value::error(Value::variant(i, Value::some(Value::string(error.message()))));
    if (field.type->kind == TypeKind::string) return Value::error(Value::variant(i, Value::string(error.message())));
  }
  return std::nullopt;
}

}  // namespace crank::component::detail
