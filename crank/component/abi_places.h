// Internal to lifting and lowering. A place is where a value of some type lies on one side: in memory or in a row of core
// values. Lift, lower and copy are each written once, over places; lists always lie in memory.
// Inside, functions answer bool and leave the reason in a Failure: an Error is only made when something is wrong.
#pragma once

#include <bit>
#include <concepts>
#include <optional>

#include "crank/component/abi.h"

namespace crank::component::detail {

/// Why the work stopped; set once.
class Failure {
 public:
  [[gnu::cold]] bool trap(std::string sentence) { return set(Code::trap, std::move(sentence)); }
  [[gnu::cold]] bool set(Code code, std::string sentence) {
    if (!error_) error_.emplace(code, std::move(sentence));
    return false;
  }
  [[gnu::cold]] bool set(Error error) {
    if (!error_) error_.emplace(std::move(error));
    return false;
  }
  std::unexpected<Error> unexpected() { return std::unexpected<Error>(*std::move(error_)); }

 private:
  std::optional<Error> error_;
};

inline bool in_bounds(const MemoryView& memory, std::uint32_t address, std::uint64_t bytes) {
  return std::uint64_t{address} + bytes <= memory.size;
}
inline bool aligned(std::uint32_t address, std::uint32_t alignment) { return (address & (alignment - 1)) == 0; }

/// Core values a scalar's flat form is made of are 64 bits wide for these kinds, else 32.
constexpr bool is_wide(TypeKind kind) {
  return kind == TypeKind::s64 || kind == TypeKind::u64 || kind == TypeKind::f64;
}
constexpr bool is_scalar(TypeKind kind) { return kind <= TypeKind::char_; }
constexpr bool is_number(TypeKind kind) { return kind >= TypeKind::s8 && kind <= TypeKind::f64; }
constexpr bool is_variant(TypeKind kind) {
  return kind == TypeKind::variant || kind == TypeKind::enum_ || kind == TypeKind::option || kind == TypeKind::result;
}
constexpr bool is_handle(TypeKind kind) {
  return kind == TypeKind::own || kind == TypeKind::borrow || kind == TypeKind::stream || kind == TypeKind::future ||
         kind == TypeKind::error_context;
}

struct MemoryPlace {
  LiftLowerContext* side;
  std::uint32_t address;

  std::byte* bytes() const { return side->memory.base + address; }
  std::uint64_t read(std::uint32_t size) const {
    std::uint64_t bits = 0;
    switch (size) {  // constant sizes: single loads
      case 1: std::memcpy(&bits, bytes(), 1); break;
      case 2: std::memcpy(&bits, bytes(), 2); break;
      case 4: std::memcpy(&bits, bytes(), 4); break;
      default: std::memcpy(&bits, bytes(), 8); break;
    }
    return bits;
  }
  void write(std::uint32_t size, std::uint64_t bits) const {
    switch (size) {
      case 1: std::memcpy(bytes(), &bits, 1); break;
      case 2: std::memcpy(bytes(), &bits, 2); break;
      case 4: std::memcpy(bytes(), &bits, 4); break;
      default: std::memcpy(bytes(), &bits, 8); break;
    }
  }
  std::uint64_t scalar(const Type& type) const { return read(type.size); }
  void set_scalar(const Type& type, std::uint64_t bits) const { write(type.size, bits); }
  std::uint32_t word(std::uint32_t i) const {
    return static_cast<std::uint32_t>(MemoryPlace{side, address + 4 * i}.read(4));
  }
  void set_word(std::uint32_t i, std::uint32_t bits) const { MemoryPlace{side, address + 4 * i}.write(4, bits); }
  std::uint32_t discriminant(const Type& type) const {
    return static_cast<std::uint32_t>(read(type.discriminant_size));
  }
  void set_discriminant(const Type& type, std::uint32_t n) const { write(type.discriminant_size, n); }
  MemoryPlace payload(const Type& type) const { return {side, address + type.payload_offset}; }
  void clear_unused(const Type&, TypeRef) const {}  // bytes no case uses are left as they are
  MemoryPlace field(const Field& field, std::uint32_t) const { return {side, address + field.offset}; }
  MemoryPlace element(const Type& element, std::uint32_t i) const { return {side, address + i * element.size}; }
};

// Two words, so that it travels in registers: the stride is 8, or 16 where the lowest bit is set (core values lie at
// multiples of 8). How many slots there are was checked when the place was made.
class FlatPlace {
 public:
  FlatPlace(LiftLowerContext* side, Slots slots) : side(side), at_(slots.tagged()) {}
  LiftLowerContext* side;

  std::uint64_t scalar(const Type& type) const { return is_wide(type.kind) ? wide(0) : word(0); }
  void set_scalar(const Type& type, std::uint64_t bits) const {
    set(0, is_wide(type.kind) ? bits : static_cast<std::uint32_t>(bits));
  }
  std::uint32_t word(std::uint32_t i) const {
    std::uint32_t bits;
    std::memcpy(&bits, slot(i), 4);
    return bits;
  }
  void set_word(std::uint32_t i, std::uint32_t bits) const { set(i, bits); }
  std::uint32_t discriminant(const Type&) const { return word(0); }
  void set_discriminant(const Type&, std::uint32_t n) const { set(0, n); }
  FlatPlace payload(const Type&) const { return from(1); }
  // The slots of a variant are joined over its cases: those beyond this case's are zero (lower_flat_variant).
  void clear_unused(const Type& type, TypeRef payload) const {
    for (std::uint32_t i = 1 + (payload ? payload->flat.count : 0); i < type.flat.count; ++i) set(i, 0);
  }
  FlatPlace field(const Field&, std::uint32_t flat_offset) const { return from(flat_offset); }
  FlatPlace element(const Type& element, std::uint32_t i) const { return from(i * element.flat.count); }

 private:
  FlatPlace(LiftLowerContext* side, std::uintptr_t at) : side(side), at_(at) {}
  FlatPlace from(std::uint32_t i) const { return {side, at_ + (std::uintptr_t{i} << (3 + (at_ & 1)))}; }
  std::byte* slot(std::uint32_t i) const {
    return reinterpret_cast<std::byte*>((at_ & ~std::uintptr_t{1}) + (std::uintptr_t{i} << (3 + (at_ & 1))));
  }
  std::uint64_t wide(std::uint32_t i) const {
    std::uint64_t bits;
    std::memcpy(&bits, slot(i), 8);
    return bits;
  }
  void set(std::uint32_t i, std::uint64_t bits) const { std::memcpy(slot(i), &bits, 8); }

  std::uintptr_t at_;
};

/// What reading a scalar makes of its bits: numbers in their width, bool 0 or 1, NaN canonical; false for a bad char.
inline bool normalise(TypeKind kind, std::uint64_t& bits) {
  switch (kind) {
    case TypeKind::bool_: bits = (bits & 0xffff'ffff) != 0; return true;
    case TypeKind::s8: bits = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(bits)}); return true;
    case TypeKind::u8: bits &= 0xff; return true;
    case TypeKind::s16: bits = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int16_t>(bits)}); return true;
    case TypeKind::u16: bits &= 0xffff; return true;
    case TypeKind::s32: bits = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(bits)}); return true;
    case TypeKind::u32: bits &= 0xffff'ffff; return true;
    case TypeKind::f32:
      bits &= 0xffff'ffff;
      if ((bits & 0x7fff'ffff) > 0x7f80'0000) bits = 0x7fc0'0000;
      return true;
    case TypeKind::f64:
      if ((bits & 0x7fff'ffff'ffff'ffff) > 0x7ff0'0000'0000'0000) bits = 0x7ff8'0000'0000'0000;
      return true;
    case TypeKind::char_: bits &= 0xffff'ffff; return bits < 0x11'0000 && !(bits >= 0xd800 && bits <= 0xdfff);
    default: return true;
  }
}

[[gnu::cold, gnu::noinline]] bool bad_char(Failure&, std::uint64_t bits);
[[gnu::cold, gnu::noinline]] bool bad_case(Failure&, std::uint32_t index, const Type& type);

template <class Place>
[[gnu::always_inline]] inline bool read_scalar(Failure& failure, Place place, const Type& type, std::uint64_t& bits) {
  bits = place.scalar(type);
  return normalise(type.kind, bits) || bad_char(failure, bits);
}

template <class Place>
bool read_case(Failure& failure, Place place, const Type& type, std::uint32_t& index) {
  index = place.discriminant(type);
  return index < type.fields.size() || bad_case(failure, index, type);
}

inline std::uint64_t label_mask(const Type& flags) {
  return flags.fields.size() >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << flags.fields.size()) - 1;
}

// ---- Defined in abi_memory.cc ----

/// Whether [address, address + bytes) may be used as `what` ("string", "list" …).
bool check_pointer(Failure&, const LiftLowerContext&, std::uint32_t address, std::uint64_t bytes,
                   std::uint32_t alignment, const char* what);
/// A list the guest describes by pointer and length: limit, alignment, bounds.
bool check_list(Failure&, const LiftLowerContext&, std::uint32_t address, std::uint32_t length, const Type& element);
/// Calls realloc, takes the memory anew and checks what it gave.
bool reallocate(Failure&, LiftLowerContext&, std::uint32_t old, std::uint32_t old_size, std::uint32_t alignment,
                std::uint64_t new_size, const char* what, std::uint32_t& address);
bool spend(Failure&, LiftLowerContext&, std::uint64_t bytes);
bool lift_handle(Failure&, LiftLowerContext&, TypeRef, std::uint32_t index, Ref<HandleObject>& out);
bool lower_handle(Failure&, LiftLowerContext&, TypeRef, Ref<HandleObject>, std::uint32_t& index);

// ---- Defined in abi_strings.cc ----

bool lift_string(Failure&, LiftLowerContext&, std::uint32_t address, std::uint32_t tagged_length, std::string& text,
                 StringOrigin& origin);
bool lower_string(Failure&, LiftLowerContext&, std::string_view text, StringOrigin origin, std::uint32_t& address,
                  std::uint32_t& tagged_length);
bool copy_string(Failure&, LiftLowerContext& from, std::uint32_t from_address, std::uint32_t from_length,
                 LiftLowerContext& to, std::uint32_t& address, std::uint32_t& tagged_length);

// ---- Defined in abi_lift.cc, abi_lower.cc, abi_copy.cc, for both places ----

constexpr Value::Kind value_kind(TypeKind kind) {  // bool_ … char_ stand in the same order in both
  return static_cast<Value::Kind>(static_cast<int>(kind) + static_cast<int>(Value::Kind::bool_));
}

template <class Place>
bool lift_compound(Failure&, Place, TypeRef, Value& out);
template <class Place>
[[gnu::always_inline]] inline bool lift(Failure& failure, Place place, TypeRef type, Value& out) {
  if (!is_scalar(type->kind)) return lift_compound(failure, place, type, out);
  std::uint64_t bits = 0;
  if (!read_scalar(failure, place, *type, bits)) return false;
  out = Value::exact(value_kind(type->kind), bits);
  return true;
}
bool lift_elements(Failure&, LiftLowerContext&, std::uint32_t address, std::uint32_t count, const Type& element,
                   Value& out);
template <class Place>
bool lower(Failure&, Place, Value&, TypeRef);
bool lower_elements(Failure&, LiftLowerContext&, Value& elements, std::uint32_t first, std::uint32_t count,
                    std::uint32_t address, const Type& element);
template <class From, class To>
bool copy_compound(Failure&, From, TypeRef from_type, To, TypeRef to_type);
template <class From, class To>
[[gnu::always_inline]] inline bool copy(Failure& failure, From from, TypeRef from_type, To to, TypeRef to_type) {
  if (!is_scalar(from_type->kind)) return copy_compound(failure, from, from_type, to, to_type);
  std::uint64_t bits = 0;
  if (!read_scalar(failure, from, *from_type, bits)) return false;
  to.set_scalar(*to_type, bits);
  return true;
}
bool copy_range(Failure&, MemoryPlace from, const Type& from_element, MemoryPlace to, const Type& to_element,
                std::uint32_t count);

}  // namespace crank::component::detail
