#include "crank/component/abi.h"
#include "crank/component/abi_places.h"
#include "crank/component/transcode.h"

namespace crank::component {

namespace {

using Kind = Value::Kind;

Result<void> wrong(std::string sentence) { return fail(Code::bad_type, std::move(sentence)); }

// The error of a part, said with the way that leads to it.
Result<void> inside(Result<void> result, std::string_view step) {
  if (result) return {};
  return fail(Code::bad_type, concat(step, ": ", result.error().message()));
}

Result<void> expect(const Value& value, Kind kind) {
  if (value.kind() == kind) return {};
  return wrong(concat("expected ", name_of(kind), ", found ", name_of(value.kind())));
}

Result<void> check_row(const Value& value, TypeRef element) {
  if (value.kind() == Kind::packed) {
    if (value.element_count() == 0) return {};
    Kind want = static_cast<Kind>(static_cast<int>(element->kind) + static_cast<int>(Kind::bool_));
    if (detail::is_number(element->kind) && value.element_kind() == want) return {};
    return wrong(concat("expected other elements than ", name_of(value.element_kind())));
  }
  CRANK_TRY_VOID(expect(value, Kind::list));
  for (std::size_t i = 0; i < value.elements().size(); ++i)
    CRANK_TRY_VOID(inside(check_value(value.elements()[i], element), concat("element ", i)));
  return {};
}

Result<void> check_fields(const Value& value, const Type& type) {
  CRANK_TRY_VOID(expect(value, Kind::list));
  if (value.elements().size() != type.fields.size())
    return wrong(concat("expected ", type.fields.size(), " fields, found ", value.elements().size()));
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const Field& field = type.fields[i];
    CRANK_TRY_VOID(inside(check_value(value.elements()[i], field.type),
                          field.name.empty() ? concat("element ", i) : concat("field ", field.name)));
  }
  return {};
}

Result<void> check_case(const Value& value, const Type& type) {
  CRANK_TRY_VOID(expect(value, Kind::variant));
  if (value.case_index() >= type.fields.size())
    return wrong(concat("case ", value.case_index(), " of a type with ", type.fields.size(), " cases"));
  const Field& chosen = type.fields[value.case_index()];
  if (chosen.type) return inside(check_value(value.payload(), chosen.type), concat("case ", chosen.name));
  if (value.payload().kind() != Kind::none) return wrong(concat("case ", chosen.name, " has no payload"));
  return {};
}

}  // namespace

Result<void> check_value(const Value& value, TypeRef type) {
  if (!type)
    return value.kind() == Kind::none ? Result<void>{}
                                      : wrong(concat("expected nothing, found ", name_of(value.kind())));
  switch (type->kind) {
    case TypeKind::string:
      CRANK_TRY_VOID(expect(value, Kind::string));
      if (auto check = detail::check_utf8(value.as_string()); check.at != value.as_string().size())
        return wrong(concat("the string is not UTF-8, from index ", check.at));
      return {};
    case TypeKind::list:
    case TypeKind::map: return check_row(value, type->element);
    case TypeKind::fixed_list:
      CRANK_TRY_VOID(check_row(value, type->element));
      if (value.element_count() != type->length)
        return wrong(concat("expected ", type->length, " elements, found ", value.element_count()));
      return {};
    case TypeKind::record:
    case TypeKind::tuple: return check_fields(value, *type);
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: return check_case(value, *type);
    case TypeKind::flags:
      CRANK_TRY_VOID(expect(value, Kind::flags));
      if (value.bits() & ~detail::label_mask(*type))
        return wrong(concat("flags beyond the ", type->fields.size(), " labels"));
      return {};
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: return expect(value, Kind::handle);
    default: break;
  }
  Kind want = static_cast<Kind>(static_cast<int>(type->kind) + static_cast<int>(Kind::bool_));
  CRANK_TRY_VOID(expect(value, want));
  std::uint64_t bits = value.bits();
  if (!detail::normalise(type->kind, bits)) return wrong(concat("the char ", bits, " is no Unicode scalar value"));
  return {};
}

}  // namespace crank::component
