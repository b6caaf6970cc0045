#include "crank/component/abi_places.h"

namespace crank::component::detail {

bool bad_char(Failure& failure, std::uint64_t bits) {
  return failure.trap(concat("invalid `char` bit pattern: ", bits, " is no Unicode scalar value"));
}

bool bad_case(Failure& failure, std::uint32_t index, const Type& type) {
  return failure.trap(concat("invalid variant discriminant: case ", index, " of ", type.fields.size()));
}

bool check_pointer(Failure& failure, const LiftLowerContext& side, std::uint32_t address, std::uint64_t bytes,
                   std::uint32_t alignment, const char* what) {
  if (!aligned(address, alignment)) [[unlikely]]
    return failure.trap(
        concat("unaligned pointer: the ", what, " at ", address, " must be aligned to ", alignment, " bytes"));
  if (!in_bounds(side.memory, address, bytes)) [[unlikely]]
    return failure.trap(concat(what, " pointer/length out of bounds of memory (", what, " content out-of-bounds): ",
                               bytes, " bytes at ", address, ", but the memory ends at ", side.memory.size));
  return true;
}

bool check_list(Failure& failure, const LiftLowerContext& side, std::uint32_t address, std::uint32_t length,
                const Type& element) {
  std::uint64_t bytes = std::uint64_t{length} * element.size;
  if (bytes > max_byte_length) [[unlikely]]
    return failure.trap(concat("the list is too long: ", bytes, " bytes, the limit is ", max_byte_length));
  return check_pointer(failure, side, address, bytes, element.alignment, "list");
}

bool reallocate(Failure& failure, LiftLowerContext& side, std::uint32_t old, std::uint32_t old_size,
                std::uint32_t alignment, std::uint64_t new_size, const char* what, std::uint32_t& address) {
  if (!side.realloc) [[unlikely]]
    return failure.trap(concat("a ", what, " has to be stored, but the canonical options name no realloc"));
  if (new_size > UINT32_MAX) [[unlikely]]
    return failure.set(Code::limit, concat("a ", what, " of ", new_size, " bytes does not fit a 32-bit memory"));
  auto result = side.realloc->reallocate(old, old_size, alignment, static_cast<std::uint32_t>(new_size));
  side.memory = side.realloc->memory();
  if (!result) [[unlikely]]
    return failure.set(std::move(result).error());
  address = *result;
  if (!aligned(address, alignment)) [[unlikely]]
    return failure.trap(concat("realloc return: result not aligned (unaligned pointer): ", address, " for a ", what,
                               " that must be aligned to ", alignment, " bytes"));
  if (!in_bounds(side.memory, address, new_size)) [[unlikely]]
    return failure.trap(concat("realloc return: beyond end of memory (", what, " content out-of-bounds): ", new_size,
                               " bytes at ", address, ", but the memory ends at ", side.memory.size));
  return true;
}

bool spend(Failure& failure, LiftLowerContext& side, std::uint64_t bytes) {
  if (bytes > side.budget) [[unlikely]]
    return failure.set(Code::limit, concat("lifting these values takes more host memory than one call may have; ",
                                           bytes, " more bytes were asked for"));
  side.budget -= bytes;
  return true;
}

bool lift_handle(Failure& failure, LiftLowerContext& side, TypeRef type, std::uint32_t index, Ref<HandleObject>& out) {
  if (!side.handles) [[unlikely]]
    return failure.trap("a handle crosses here, but this side has no handle table");
  auto lifted = [&] {
    switch (type->kind) {
      case TypeKind::own: return side.handles->lift_own(type, index);
      case TypeKind::borrow: return side.handles->lift_borrow(type, index);
      case TypeKind::stream: return side.handles->lift_stream(type, index);
      case TypeKind::future: return side.handles->lift_future(type, index);
      default: return side.handles->lift_error_context(index);
    }
  }();
  if (!lifted) [[unlikely]]
    return failure.set(std::move(lifted).error());
  out = *std::move(lifted);
  return true;
}

bool lower_handle(Failure& failure, LiftLowerContext& side, TypeRef type, Ref<HandleObject> object,
                  std::uint32_t& index) {
  if (!side.handles) [[unlikely]]
    return failure.trap("a handle crosses here, but this side has no handle table");
  auto lowered = [&] {
    switch (type->kind) {
      case TypeKind::own: return side.handles->lower_own(type, std::move(object));
      case TypeKind::borrow: return side.handles->lower_borrow(type, std::move(object));
      case TypeKind::stream: return side.handles->lower_stream(type, std::move(object));
      case TypeKind::future: return side.handles->lower_future(type, std::move(object));
      default: return side.handles->lower_error_context(std::move(object));
    }
  }();
  if (!lowered) [[unlikely]]
    return failure.set(std::move(lowered).error());
  index = *lowered;
  return true;
}

}  // namespace crank::component::detail
