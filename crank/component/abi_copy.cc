#include "crank/component/abi_places.h"

namespace crank::component::detail {

namespace {

bool copy_list(Failure& failure, LiftLowerContext& from, std::uint32_t from_address, std::uint32_t length,
               const Type& from_element, LiftLowerContext& to, const Type& to_element, std::uint32_t& to_address) {
  return check_list(failure, from, from_address, length, from_element) &&
         reallocate(failure, to, 0, 0, to_element.alignment, std::uint64_t{length} * to_element.size, "list",
                    to_address) &&
         copy_range(failure, {&from, from_address}, from_element, {&to, to_address}, to_element, length);
}

template <class From, class To>
bool copy_fixed(Failure& failure, From from, const Type& from_type, To to, const Type& to_type) {
  const Type &from_element = *from_type.element, &to_element = *to_type.element;
  if constexpr (std::same_as<From, MemoryPlace> && std::same_as<To, MemoryPlace>) {
    return copy_range(failure, from, from_element, to, to_element, from_type.length);
  } else {
    for (std::uint32_t i = 0; i < from_type.length; ++i)
      if (!copy(failure, from.element(from_element, i), from_type.element, to.element(to_element, i), to_type.element))
        return false;
    return true;
  }
}

}  // namespace

bool copy_range(Failure& failure, MemoryPlace from, const Type& from_element, MemoryPlace to, const Type& to_element,
                std::uint32_t count) {
  if (is_number(from_element.kind)) {
    if (count) std::memmove(to.bytes(), from.bytes(), std::size_t{count} * from_element.size);
    return true;
  }
  for (std::uint32_t i = 0; i < count; ++i)
    if (!copy(failure, from.element(from_element, i), &from_element, to.element(to_element, i), &to_element))
      return false;
  return true;
}

template <class From, class To>
bool copy_compound(Failure& failure, From from, TypeRef from_type, To to, TypeRef to_type) {
  switch (from_type->kind) {
    case TypeKind::string: {
      std::uint32_t address = 0, length = 0;
      if (!copy_string(failure, *from.side, from.word(0), from.word(1), *to.side, address, length)) return false;
      to.set_word(0, address);
      to.set_word(1, length);
      return true;
    }
    case TypeKind::list:
    case TypeKind::map: {
      std::uint32_t length = from.word(1), address = 0;
      if (!copy_list(failure, *from.side, from.word(0), length, *from_type->element, *to.side, *to_type->element,
                     address))
        return false;
      to.set_word(0, address);
      to.set_word(1, length);
      return true;
    }
    case TypeKind::fixed_list: return copy_fixed(failure, from, *from_type, to, *to_type);
    case TypeKind::record:
    case TypeKind::tuple: {
      std::uint32_t flat = 0;
      for (std::size_t i = 0; i < from_type->fields.size(); ++i) {
        const Field &from_field = from_type->fields[i], &to_field = to_type->fields[i];
        if (!copy(failure, from.field(from_field, flat), from_field.type, to.field(to_field, flat), to_field.type))
          return false;
        flat += from_field.type->flat.count;
      }
      return true;
    }
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: {
      std::uint32_t index = 0;
      if (!read_case(failure, from, *from_type, index)) return false;
      TypeRef payload = from_type->fields[index].type;
      to.set_discriminant(*to_type, index);
      to.clear_unused(*to_type, payload);
      return !payload ||
             copy(failure, from.payload(*from_type), payload, to.payload(*to_type), to_type->fields[index].type);
    }
    case TypeKind::flags: {
      std::uint64_t bits = 0;
      if constexpr (std::same_as<From, FlatPlace>)
        bits = from.word(0);
      else
        bits = from.read(from_type->size);
      bits &= label_mask(*from_type);
      if constexpr (std::same_as<To, FlatPlace>)
        to.set_word(0, static_cast<std::uint32_t>(bits));
      else
        to.write(to_type->size, bits);
      return true;
    }
    case TypeKind::own:
    case TypeKind::borrow:
    case TypeKind::stream:
    case TypeKind::future:
    case TypeKind::error_context: {
      Ref<HandleObject> object;
      std::uint32_t index = 0;
      if (!lift_handle(failure, *from.side, from_type, from.word(0), object)) return false;
      if (!lower_handle(failure, *to.side, to_type, std::move(object), index)) return false;
      to.set_word(0, index);
      return true;
    }
    default: break;  // scalars: copy()
  }
  return failure.set(Code::bad_type, "a type of unknown kind");
}

template bool copy_compound(Failure&, MemoryPlace, TypeRef, MemoryPlace, TypeRef);
template bool copy_compound(Failure&, MemoryPlace, TypeRef, FlatPlace, TypeRef);
template bool copy_compound(Failure&, FlatPlace, TypeRef, MemoryPlace, TypeRef);
template bool copy_compound(Failure&, FlatPlace, TypeRef, FlatPlace, TypeRef);

}  // namespace crank::component::detail
