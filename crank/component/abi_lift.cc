#include "crank/component/abi_places.h"

namespace crank::component::detail {

namespace {

static_assert(value_kind(TypeKind::bool_) == Value::Kind::bool_ && value_kind(TypeKind::s64) == Value::Kind::s64 &&
              value_kind(TypeKind::char_) == Value::Kind::char_);

template <class Place>
bool lift_fields(Failure& failure, Place place, const Type& type, Value& out) {
  if (!spend(failure, *place.side, type.fields.size() * sizeof(Value))) return false;
  std::vector<Value> values(type.fields.size());
  std::uint32_t flat = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Field& field = type.fields[i];
    if (!lift(failure, place.field(field, flat), field.type, values[i])) return false;
    flat += field.type->flat.count;
  }
  out = Value::list(std::move(values));
  return true;
}

// Flat fixed lists: each element stands in slots of its own.
bool lift_fixed(Failure& failure, FlatPlace place, const Type& type, Value& out) {
  const Type& element = *type.element;
  if (!spend(failure, *place.side, type.length * sizeof(Value))) return false;
  if (is_number(element.kind)) {
    std::vector<std::byte> bytes(std::size_t{type.length} * element.size);
    for (std::uint32_t i = 0; i < type.length; ++i) {
      std::uint64_t bits = place.element(element, i).scalar(element);
      normalise(element.kind, bits);
      std::memcpy(bytes.data() + std::size_t{i} * element.size, &bits, element.size);
    }
    out = Value::packed(value_kind(element.kind), std::move(bytes));
    return true;
  }
  std::vector<Value> values(type.length);
  for (std::uint32_t i = 0; i < type.length; ++i)
    if (!lift(failure, place.element(element, i), type.element, values[i])) return false;
  out = Value::list(std::move(values));
  return true;
}
bool lift_fixed(Failure& failure, MemoryPlace place, const Type& type, Value& out) {
  return lift_elements(failure, *place.side, place.address, type.length, *type.element, out);
}

}  // namespace

bool lift_elements(Failure& failure, LiftLowerContext& side, std::uint32_t address, std::uint32_t count,
                   const Type& element, Value& out) {
  if (is_number(element.kind)) {
    std::uint64_t bytes = std::uint64_t{count} * element.size;
    if (!spend(failure, side, bytes + sizeof(std::vector<std::byte>))) return false;
    const std::byte* begin = side.memory.base + address;
    out = Value::packed(value_kind(element.kind), std::vector<std::byte>(begin, begin + bytes));
    return true;
  }
  if (!spend(failure, side, std::uint64_t{count} * sizeof(Value) + sizeof(std::vector<Value>))) return false;
  std::vector<Value> values(count);
  for (std::uint32_t i = 0; i < count; ++i)
    if (!lift(failure, MemoryPlace{&side, address + i * element.size}, &element, values[i])) return false;
  out = Value::list(std::move(values));
  return true;
}

template <class Place>
bool lift_compound(Failure& failure, Place place, TypeRef type, Value& out) {
  switch (type->kind) {
    case TypeKind::string: {
      std::string text;
      StringOrigin origin{};
      if (!lift_string(failure, *place.side, place.word(0), place.word(1), text, origin)) return false;
      out = Value::string(std::move(text), origin);
      return true;
    }
    case TypeKind::list:
    case TypeKind::map: {
      std::uint32_t address = place.word(0), length = place.word(1);
      if (!check_list(failure, *place.side, address, length, *type->element)) return false;
      return lift_elements(failure, *place.side, address, length, *type->element, out);
    }
    case TypeKind::fixed_list: return lift_fixed(failure, place, *type, out);
    case TypeKind::record:
    case TypeKind::tuple: return lift_fields(failure, place, *type, out);
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: {
      std::uint32_t index = 0;
      if (!read_case(failure, place, *type, index)) return false;
      Value payload;
      if (TypeRef case_type = type->fields[index].type) {
        if (!spend(failure, *place.side, 2 * sizeof(Value))) return false;
        if (!lift(failure, place.payload(*type), case_type, payload)) return false;
      }
      out = Value::variant(index, std::move(payload));
      return true;
    }
    case TypeKind::flags: {
      std::uint64_t bits = 0;
      if constexpr (std::same_as<Place, FlatPlace>)
        bits = place.word(0);
      else
        bits = place.read(type->size);
      out = Value::flags(bits & label_mask(*type));
      return true;
    }
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: {
      Ref<HandleObject> object;
      if (!lift_handle(failure, *place.side, type, place.word(0), object)) return false;
      out = Value::handle(std::move(object));
      return true;
    }
    default: break;  // scalars: lift()
  }
  return failure.set(Code::bad_type, "a type of unknown kind");
}

template bool lift_compound(Failure&, MemoryPlace, TypeRef, Value&);
template bool lift_compound(Failure&, FlatPlace, TypeRef, Value&);

}  // namespace crank::component::detail
