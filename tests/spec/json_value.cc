#include "tests/spec/json_value.h"

#include <nlohmann/json.hpp>

namespace crank::spec {

using component::Field;
using component::Type;
using component::TypeKind;
using component::TypeRef;
using component::Value;
using nlohmann::json;

namespace {

auto wrong(const json& text, std::string_view expected) {
  return fail(Code::bad_argument, concat("the test gives ", text.dump(), " where ", expected, " is asked for"));
}

Result<std::uint64_t> integer(const json& value) {
  if (value.is_number()) return value.get<std::uint64_t>();
  if (!value.is_string()) return wrong(value, "a number");
  const std::string& digits = value.get_ref<const std::string&>();
  if (digits.empty()) return wrong(value, "a number");
  return digits[0] == '-' ? static_cast<std::uint64_t>(std::stoll(digits)) : std::stoull(digits);
}

Result<std::uint32_t> case_named(const Type& type, const std::string& name) {
  for (std::uint32_t i = 0; i < type.fields.size(); ++i)
    if (type.fields[i].name == name) return i;
  return fail(Code::bad_argument, concat("the type has no case or label \"", name, "\""));
}

Result<Value> read_case(const Type& type, std::uint32_t index, const json& payload) {
  TypeRef inner = type.fields[index].type;
  if (!inner || payload.is_null()) return Value::variant(index);
  CRANK_TRY(Value value, read_value(payload, inner));
  return Value::variant(index, std::move(value));
}

char32_t first_character(const std::string& text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.size() == 1) return byte(0);
  if (text.size() == 2) return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
  if (text.size() == 3) return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 | (byte(3) & 0x3fu);
}

}  // namespace

Result<Value> read_value(const json& text, TypeRef type) {
  const json null;
  const json& value = text.contains("value") ? text.at("value") : null;
  switch (type->kind) {
    case TypeKind::bool_: return Value::boolean(value.is_boolean() ? value.get<bool>() : value == "true");
    case TypeKind::char_: return Value::character(first_character(value.get<std::string>()));
    case TypeKind::string: return Value::string(value.get<std::string>());
    case TypeKind::list:
    case TypeKind::fixed_list:
    case TypeKind::map: {
      std::vector<Value> values;
      for (const json& element : value) {
        if (type->kind == TypeKind::map && element.is_array()) {
          std::vector<Value> pair(2);
          for (std::size_t i = 0; i < 2; ++i) {
            CRANK_TRY(pair[i], read_value(element.at(i), type->element->fields[i].type));
          }
          values.push_back(Value::list(std::move(pair)));
        } else {
          CRANK_TRY(values.emplace_back(), read_value(element, type->element));
        }
      }
      return Value::list(std::move(values));
    }
    case TypeKind::tuple: {
      std::vector<Value> values;
      if (value.size() != type->fields.size()) return wrong(text, "a tuple of another size");
      for (std::size_t i = 0; i < value.size(); ++i) {
        CRANK_TRY(values.emplace_back(), read_value(value.at(i), type->fields[i].type));
      }
      return Value::list(std::move(values));
    }
    case TypeKind::record: {
      std::vector<Value> values(type->fields.size());
      for (const json& field : value) {
        CRANK_TRY(std::uint32_t index, case_named(*type, field.at(0).get<std::string>()));
        CRANK_TRY(values[index], read_value(field.at(1), type->fields[index].type));
      }
      return Value::list(std::move(values));
    }
    case TypeKind::variant: {
      CRANK_TRY(std::uint32_t index, case_named(*type, value.at("case").get<std::string>()));
      return read_case(*type, index, value.contains("payload") ? value.at("payload") : null);
    }
    case TypeKind::enum_: {
      CRANK_TRY(std::uint32_t index, case_named(*type, value.get<std::string>()));
      return Value::variant(index);
    }
    case TypeKind::option: return value.is_null() ? Value::none_option() : read_case(*type, 1, value);
    case TypeKind::result:
      if (value.contains("Ok")) return read_case(*type, 0, value.at("Ok"));
      return read_case(*type, 1, value.at("Err"));
    case TypeKind::flags: {
      std::uint64_t bits = 0;
      for (const json& label : value) {
        CRANK_TRY(std::uint32_t index, case_named(*type, label.get<std::string>()));
        bits |= std::uint64_t{1} << index;
      }
      return Value::flags(bits);
    }
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: return wrong(text, "a handle");
    default: break;
  }
  CRANK_TRY(std::uint64_t bits, integer(value));
  return Value::scalar(static_cast<Value::Kind>(static_cast<int>(type->kind) + static_cast<int>(Value::Kind::bool_)),
                       bits);
}

}  // namespace crank::spec
