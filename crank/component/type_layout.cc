#include "crank/component/type_layout.h"

#include <algorithm>

namespace crank::component::detail {
namespace {

constexpr std::uint64_t saturated = 0xffff'ffff;
std::uint32_t saturate(std::uint64_t n) { return static_cast<std::uint32_t>(std::min(n, saturated)); }
std::uint64_t align_to(std::uint64_t n, std::uint32_t alignment) { return (n + alignment - 1) / alignment * alignment; }

void scalar(Type& type, std::uint32_t bytes, CoreType core, bool numeric = true) {
  type.size = type.wide_size = type.alignment = type.wide_alignment = bytes;
  type.numeric = numeric;
  type.flat.append(core);
}

void pointer_pair(Type& type) {
  type.size = 8;
  type.alignment = 4;
  type.wide_size = 16;
  type.wide_alignment = 8;
  type.has_pointers = true;
  type.flat.append(CoreType::i32);
  type.flat.append(CoreType::i32);
}

void handle(Type& type) {
  scalar(type, 4, CoreType::i32, false);
  type.has_handles = true;
}

void inherit(Type& type, const Type& part) {
  type.has_pointers |= part.has_pointers;
  type.has_handles |= part.has_handles;
  type.has_borrow |= part.has_borrow;
  type.depth = std::max<std::uint16_t>(type.depth, part.depth == 0xffff ? 0xffff : part.depth + 1);
}

CoreType join(CoreType a, CoreType b) {
  if (a == b) return a;
  auto narrow = [](CoreType t) { return t == CoreType::i32 || t == CoreType::f32; };
  return narrow(a) && narrow(b) ? CoreType::i32 : CoreType::i64;
}

struct Extent {
  std::uint64_t size = 0, wide_size = 0;
  std::uint32_t alignment = 1, wide_alignment = 1;
};

Extent lay_out_fields(std::vector<Field>& fields) {
  Extent e;
  for (auto& field : fields) {
    const Type& part = *field.type;
    e.alignment = std::max(e.alignment, part.alignment);
    e.wide_alignment = std::max(e.wide_alignment, part.wide_alignment);
    auto offset = align_to(e.size, part.alignment);
    field.offset = saturate(offset);
    e.size = saturate(offset + part.size);
    e.wide_size = saturate(align_to(e.wide_size, part.wide_alignment) + part.wide_size);
  }
  e.size = saturate(align_to(e.size, e.alignment));
  e.wide_size = saturate(align_to(e.wide_size, e.wide_alignment));
  return e;
}

void lay_out_record(Type& type) {
  Extent e = lay_out_fields(type.fields);
  type.size = static_cast<std::uint32_t>(e.size);
  type.wide_size = static_cast<std::uint32_t>(e.wide_size);
  type.alignment = e.alignment;
  type.wide_alignment = e.wide_alignment;
  for (auto& field : type.fields) {
    inherit(type, *field.type);
    type.flat.append(field.type->flat);
  }
}

void lay_out_variant(Type& type) {
  std::size_t n = type.fields.size();
  type.discriminant_size = n <= 0x100 ? 1 : n <= 0x10000 ? 2 : 4;
  std::uint32_t payload_alignment = 1, wide_payload_alignment = 1, size = 0, wide_size = 0;
  FlatTypes payload;
  for (auto& c : type.fields) {
    if (!c.type) continue;
    payload_alignment = std::max(payload_alignment, c.type->alignment);
    wide_payload_alignment = std::max(wide_payload_alignment, c.type->wide_alignment);
    size = std::max(size, c.type->size);
    wide_size = std::max(wide_size, c.type->wide_size);
    inherit(type, *c.type);
    auto flat = c.type->flat.span();
    for (std::size_t i = 0; i < flat.size(); ++i) {
      if (i < payload.count) {
        payload.types[i] = join(payload.types[i], flat[i]);
      } else {
        payload.append(flat[i]);
      }
    }
    payload.overflow |= c.type->flat.overflow;
  }
  type.alignment = std::max(type.discriminant_size, payload_alignment);
  type.wide_alignment = std::max(type.discriminant_size, wide_payload_alignment);
  type.payload_offset = static_cast<std::uint32_t>(align_to(type.discriminant_size, payload_alignment));
  type.size = saturate(align_to(std::uint64_t{type.payload_offset} + size, type.alignment));
  auto wide_payload_offset = align_to(type.discriminant_size, wide_payload_alignment);
  type.wide_size = saturate(align_to(wide_payload_offset + wide_size, type.wide_alignment));
  type.flat.append(CoreType::i32);
  type.flat.append(payload);
}

void lay_out_fixed_list(Type& type) {
  const Type& part = *type.element;
  type.size = saturate(std::uint64_t{part.size} * type.length);
  type.wide_size = saturate(std::uint64_t{part.wide_size} * type.length);
  type.alignment = part.alignment;
  type.wide_alignment = part.wide_alignment;
  inherit(type, part);
  for (std::uint32_t i = 0; i < type.length && !type.flat.overflow; ++i) type.flat.append(part.flat);
}

}  // namespace

void lay_out(Type& type) {
  switch (type.kind) {
    case TypeKind::bool_: return scalar(type, 1, CoreType::i32, false);
    case TypeKind::s8:
    case TypeKind::u8: return scalar(type, 1, CoreType::i32);
    case TypeKind::s16:
    case TypeKind::u16: return scalar(type, 2, CoreType::i32);
    case TypeKind::s32:
    case TypeKind::u32: return scalar(type, 4, CoreType::i32);
    case TypeKind::s64:
    case TypeKind::u64: return scalar(type, 8, CoreType::i64);
    case TypeKind::f32: return scalar(type, 4, CoreType::f32);
    case TypeKind::f64: return scalar(type, 8, CoreType::f64);
    case TypeKind::char_: return scalar(type, 4, CoreType::i32, false);
    case TypeKind::string: return pointer_pair(type);
    case TypeKind::list:
    case TypeKind::map: pointer_pair(type); return inherit(type, *type.element);
    case TypeKind::fixed_list: return lay_out_fixed_list(type);
    case TypeKind::record:
    case TypeKind::tuple: return lay_out_record(type);
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: return lay_out_variant(type);
    case TypeKind::flags: {
      std::size_t n = type.fields.size();
      return scalar(type, n <= 8 ? 1 : n <= 16 ? 2 : 4, CoreType::i32, false);
    }
    case TypeKind::borrow: type.has_borrow = true; [[fallthrough]];
    case TypeKind::own:
    case TypeKind::error_context: return handle(type);
    case TypeKind::stream:
    case TypeKind::future:
      handle(type);
      if (type.element) {
        type.has_borrow |= type.element->has_borrow;
        type.depth =
            std::max<std::uint16_t>(type.depth, type.element->depth == 0xffff ? 0xffff : type.element->depth + 1);
      }
      return;
  }
}

void lay_out(FuncType& type) {
  Extent e = lay_out_fields(type.params);
  type.params_size = static_cast<std::uint32_t>(e.size);
  type.params_alignment = e.alignment;
  for (auto& param : type.params) {
    type.flat_params.append(param.type->flat);
    type.params_have_pointers |= param.type->has_pointers;
  }
  if (type.result) type.flat_result = type.result->flat;
}

}  // namespace crank::component::detail
