#include "crank/component/types.h"

namespace crank::component {

std::string_view name_of(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::bool_: return "bool";
    case TypeKind::s8: return "s8";
    case TypeKind::u8: return "u8";
    case TypeKind::s16: return "s16";
    case TypeKind::u16: return "u16";
    case TypeKind::s32: return "s32";
    case TypeKind::u32: return "u32";
    case TypeKind::s64: return "s64";
    case TypeKind::u64: return "u64";
    case TypeKind::f32: return "f32";
    case TypeKind::f64: return "f64";
    case TypeKind::char_: return "char";
    case TypeKind::string: return "string";
    case TypeKind::error_context: return "error-context";
    case TypeKind::list: return "list";
    case TypeKind::fixed_list: return "fixed-length list";
    case TypeKind::map: return "map";
    case TypeKind::record: return "record";
    case TypeKind::tuple: return "tuple";
    case TypeKind::variant: return "variant";
    case TypeKind::enum_: return "enum";
    case TypeKind::option: return "option";
    case TypeKind::result: return "result";
    case TypeKind::flags: return "flags";
    case TypeKind::own: return "own";
    case TypeKind::borrow: return "borrow";
    case TypeKind::stream: return "stream";
    case TypeKind::future: return "future";
  }
  return "unknown";
}

std::string_view name_of(CoreType type) noexcept {
  switch (type) {
    case CoreType::i32: return "i32";
    case CoreType::i64: return "i64";
    case CoreType::f32: return "f32";
    case CoreType::f64: return "f64";
  }
  return "unknown";
}

void FlatTypes::append(CoreType type) {
  if (count < max) {
    types[count++] = type;
  } else {
    overflow = true;
  }
}

void FlatTypes::append(const FlatTypes& other) {
  for (auto type : other.span()) append(type);
  overflow |= other.overflow;
}

}  // namespace crank::component
