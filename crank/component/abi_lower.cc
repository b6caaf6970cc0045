#include "crank/component/abi_places.h"
#include "crank/component/transcode.h"

namespace crank::component::detail {

namespace {

std::string_view expected_of(const Type& type) {
  switch (type.kind) {
    case TypeKind::string: return "a string";
    case TypeKind::list: return "a list";
    case TypeKind::fixed_list: return "a list of fixed length";
    case TypeKind::map: return "a list of pairs";
    case TypeKind::record: return "a record: a list of all its fields";
    case TypeKind::tuple: return "a tuple: a list of all its elements";
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: return "a variant";
    case TypeKind::flags: return "flags";
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: return "a handle";
    default:
      return name_of(static_cast<Value::Kind>(static_cast<int>(type.kind) + static_cast<int>(Value::Kind::bool_)));
  }
}

bool mismatch(Failure& failure, const Value& value, const Type& type) {
  return failure.set(Code::bad_type, concat("a value of another type was given: expected ", expected_of(type),
                                            ", found a ", name_of(value.kind())));
}

// The elements of a list of numbers as bytes, however the host holds them.
bool write_numbers(Failure& failure, const Value& elements, std::uint32_t first, std::uint32_t count,
                   const Type& element, std::byte* out) {
  if (count == 0) return true;
  if (elements.kind() == Value::Kind::packed) {
    if (elements.element_kind() != value_kind(element.kind))
      return failure.set(Code::bad_type, concat("a list of another type was given: expected ", expected_of(element),
                                                ", found ", name_of(elements.element_kind())));
    std::memmove(out, elements.packed_bytes().data() + std::size_t{first} * element.size,
                 std::size_t{count} * element.size);
    return true;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const Value& value = elements.elements()[first + i];
    if (value.kind() != value_kind(element.kind)) return mismatch(failure, value, element);
    std::uint64_t bits = value.bits();
    std::memcpy(out + std::size_t{i} * element.size, &bits, element.size);
  }
  return true;
}

bool is_row(const Value& value, const Type& element) {
  return value.kind() == Value::Kind::list || (value.kind() == Value::Kind::packed && is_number(element.kind));
}

bool lower_list(Failure& failure, LiftLowerContext& side, Value& value, const Type& type, std::uint32_t& address,
                std::uint32_t& length) {
  const Type& element = *type.element;
  if (!is_row(value, element)) return mismatch(failure, value, type);
  std::uint64_t bytes = value.element_count() * std::uint64_t{element.size};
  if (bytes > max_byte_length) [[unlikely]]
    return failure.set(Code::limit, concat("a list of ", bytes, " bytes is too long, the limit is ", max_byte_length));
  length = static_cast<std::uint32_t>(value.element_count());
  return reallocate(failure, side, 0, 0, element.alignment, bytes, "list", address) &&
         lower_elements(failure, side, value, 0, length, address, element);
}

bool lower_fixed(Failure& failure, MemoryPlace place, Value& value, const Type& type) {
  return lower_elements(failure, *place.side, value, 0, type.length, place.address, *type.element);
}
bool lower_fixed(Failure& failure, FlatPlace place, Value& value, const Type& type) {
  const Type& element = *type.element;
  for (std::uint32_t i = 0; i < type.length; ++i) {
    FlatPlace slot = place.element(element, i);
    if (value.kind() == Value::Kind::packed) {
      std::byte bytes[8] = {};
      if (!write_numbers(failure, value, i, 1, element, bytes)) return false;
      std::uint64_t bits = 0;
      std::memcpy(&bits, bytes, 8);
      normalise(element.kind, bits);  // signed ones are extended to the slot's 32 bits
      slot.set_scalar(element, bits);
    } else if (!lower(failure, slot, value.elements()[i], type.element)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool lower_elements(Failure& failure, LiftLowerContext& side, Value& elements, std::uint32_t first, std::uint32_t count,
                    std::uint32_t address, const Type& element) {
  if (is_number(element.kind))
    return write_numbers(failure, elements, first, count, element, side.memory.base + address);
  auto values = elements.elements();
  for (std::uint32_t i = 0; i < count; ++i)
    if (!lower(failure, MemoryPlace{&side, address + i * element.size}, values[first + i], &element)) return false;
  return true;
}

template <class Place>
bool lower(Failure& failure, Place place, Value& value, TypeRef type) {
  switch (type->kind) {
    case TypeKind::bool_:
    case TypeKind::s8:
    case TypeKind::u8:
    case TypeKind::s16:
    case TypeKind::u16:
    case TypeKind::s32:
    case TypeKind::u32:
    case TypeKind::s64:
    case TypeKind::u64:
    case TypeKind::f32:
    case TypeKind::f64:
    case TypeKind::char_: {
      if (value.kind() != value_kind(type->kind)) [[unlikely]]
        return mismatch(failure, value, *type);
      std::uint64_t bits = value.bits();
      if (!normalise(type->kind, bits)) [[unlikely]]
        return failure.set(Code::bad_type, concat("a char was given that is no Unicode scalar value: ", bits));
      place.set_scalar(*type, bits);
      return true;
    }
    case TypeKind::string: {
      if (value.kind() != Value::Kind::string) [[unlikely]]
        return mismatch(failure, value, *type);
      std::uint32_t address = 0, length = 0;
      const std::string& text = value.as_string();
      if (value.string_origin() == StringOrigin::host && check_utf8(text).at != text.size()) [[unlikely]]
        return failure.set(Code::bad_type,
                           concat("a string was given that is not UTF-8, from index ", check_utf8(text).at));
      if (!lower_string(failure, *place.side, text, value.string_origin(), address, length)) return false;
      place.set_word(0, address);
      place.set_word(1, length);
      return true;
    }
    case TypeKind::list:
    case TypeKind::map: {
      std::uint32_t address = 0, length = 0;
      if (!lower_list(failure, *place.side, value, *type, address, length)) return false;
      place.set_word(0, address);
      place.set_word(1, length);
      return true;
    }
    case TypeKind::fixed_list:
      if (!is_row(value, *type->element)) return mismatch(failure, value, *type);
      if (value.element_count() != type->length)
        return failure.set(Code::bad_type, concat("a list of ", value.element_count(),
                                                  " elements was given where the type has ", type->length));
      return lower_fixed(failure, place, value, *type);
    case TypeKind::record:
    case TypeKind::tuple: {
      if (value.kind() != Value::Kind::list || value.elements().size() != type->fields.size()) [[unlikely]]
        return mismatch(failure, value, *type);
      std::uint32_t flat = 0;
      for (std::size_t i = 0; i < type->fields.size(); ++i) {
        const Field& field = type->fields[i];
        if (!lower(failure, place.field(field, flat), value.elements()[i], field.type)) return false;
        flat += field.type->flat.count;
      }
      return true;
    }
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: {
      if (value.kind() != Value::Kind::variant) [[unlikely]]
        return mismatch(failure, value, *type);
      std::uint32_t index = value.case_index();
      if (index >= type->fields.size()) [[unlikely]]
        return failure.set(Code::bad_type,
                           concat("case ", index, " was given of a type with ", type->fields.size(), " cases"));
      place.set_discriminant(*type, index);
      TypeRef payload = type->fields[index].type;
      place.clear_unused(*type, payload);
      if (payload) return lower(failure, place.payload(*type), value.payload(), payload);
      if (std::as_const(value).payload().kind() != Value::Kind::none) [[unlikely]]
        return failure.set(Code::bad_type, concat("a payload was given for the case \"", type->fields[index].name,
                                                  "\", which has none"));
      return true;
    }
    case TypeKind::flags: {
      if (value.kind() != Value::Kind::flags || (value.bits() & ~label_mask(*type))) [[unlikely]]
        return mismatch(failure, value, *type);
      if constexpr (std::same_as<Place, FlatPlace>)
        place.set_word(0, static_cast<std::uint32_t>(value.bits()));
      else
        place.write(type->size, value.bits());
      return true;
    }
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: {
      if (value.kind() != Value::Kind::handle) [[unlikely]]
        return mismatch(failure, value, *type);
      std::uint32_t index = 0;
      if (!lower_handle(failure, *place.side, type, value.take_handle(), index)) return false;
      place.set_word(0, index);
      return true;
    }
  }
  return failure.set(Code::bad_type, "a type of unknown kind");
}

template bool lower(Failure&, MemoryPlace, Value&, TypeRef);
template bool lower(Failure&, FlatPlace, Value&, TypeRef);

}  // namespace crank::component::detail
