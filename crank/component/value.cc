#include "crank/component/value.h"

#include <atomic>
#include <bit>
#include <cstring>

#include "crank/base/check.h"

namespace crank::component {

void HandleObject::retain() noexcept { std::atomic_ref(references_).fetch_add(1, std::memory_order_relaxed); }

void HandleObject::release() noexcept {
  // acq_rel: what every holder did with the object happens before its disposal.
  if (std::atomic_ref(references_).fetch_sub(1, std::memory_order_acq_rel) == 1) dispose();
}

std::string_view name_of(Value::Kind kind) noexcept {
  using enum Value::Kind;
  switch (kind) {
    case none: return "nothing";
    case bool_: return "bool";
    case s8: return "s8";
    case u8: return "u8";
    case s16: return "s16";
    case u16: return "u16";
    case s32: return "s32";
    case u32: return "u32";
    case s64: return "s64";
    case u64: return "u64";
    case f32: return "f32";
    case f64: return "f64";
    case char_: return "char";
    case string: return "string";
    case packed: return "list of numbers";
    case list: return "list";
    case variant: return "variant";
    case flags: return "flags";
    case handle: return "handle";
  }
  return "?";
}

void Value::clear() noexcept {
  switch (kind_) {
    case Kind::string: delete string_; break;
    case Kind::packed: delete packed_; break;
    case Kind::list: delete list_; break;
    case Kind::variant: delete payload_; break;
    case Kind::handle:
      if (object_) object_->release();
      break;
    default: break;
  }
  kind_ = Kind::none;
}

Value Value::boolean(bool value) {
  Value v;
  v.kind_ = Kind::bool_;
  v.bits_ = value;
  return v;
}

Value Value::scalar(Kind kind, std::uint64_t bits) {
  Value v;
  v.kind_ = kind;
  switch (kind) {
    case Kind::bool_: v.bits_ = bits != 0; break;
    case Kind::s8: v.bits_ = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(bits)}); break;
    case Kind::s16: v.bits_ = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int16_t>(bits)}); break;
    case Kind::s32: v.bits_ = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(bits)}); break;
    case Kind::u8: v.bits_ = bits & 0xff; break;
    case Kind::u16: v.bits_ = bits & 0xffff; break;
    case Kind::u32:
    case Kind::f32:
    case Kind::char_: v.bits_ = bits & 0xffff'ffff; break;
    case Kind::s64:
    case Kind::u64:
    case Kind::f64: v.bits_ = bits; break;
    default: CRANK_CHECK(false, "Value::scalar takes a number, bool or char, not a ", name_of(kind));
  }
  return v;
}

Value Value::s32(std::int32_t n) { return scalar(Kind::s32, static_cast<std::uint32_t>(n)); }
Value Value::u8(std::uint8_t n) { return scalar(Kind::u8, n); }
Value Value::u16(std::uint16_t n) { return scalar(Kind::u16, n); }
Value Value::u32(std::uint32_t n) { return scalar(Kind::u32, n); }
Value Value::s64(std::int64_t n) { return scalar(Kind::s64, static_cast<std::uint64_t>(n)); }
Value Value::u64(std::uint64_t n) { return scalar(Kind::u64, n); }
Value Value::f32(float n) { return scalar(Kind::f32, std::bit_cast<std::uint32_t>(n)); }
Value Value::f64(double n) { return scalar(Kind::f64, std::bit_cast<std::uint64_t>(n)); }
Value Value::character(char32_t c) { return scalar(Kind::char_, c); }

Value Value::string(std::string text) { return string(std::move(text), StringOrigin::host); }

Value Value::string(std::string text, StringOrigin origin) {
  Value v;
  v.string_ = new std::string(std::move(text));
  v.kind_ = Kind::string;
  v.small_ = static_cast<std::uint32_t>(origin);
  return v;
}

Value Value::packed(Kind kind, std::vector<std::byte> elements) {
  CRANK_CHECK(packed_size(kind) != 0, "a packed list holds numbers, not ", name_of(kind));
  CRANK_CHECK(elements.size() % packed_size(kind) == 0, "a packed list of ", name_of(kind),
              " ends inside an element: ", elements.size(), " bytes");
  Value v;
  v.packed_ = new std::vector<std::byte>(std::move(elements));
  v.kind_ = Kind::packed;
  v.element_kind_ = kind;
  return v;
}

Value Value::packed(Kind kind, std::span<const std::byte> elements) {
  return packed(kind, std::vector<std::byte>(elements.begin(), elements.end()));
}

Value Value::bytes(std::span<const std::byte> bytes) { return packed(Kind::u8, bytes); }

Value Value::list(std::vector<Value> elements) {
  Value v;
  v.list_ = new std::vector<Value>(std::move(elements));
  v.kind_ = Kind::list;
  return v;
}

Value Value::variant(std::uint32_t case_index, Value payload) {
  Value v;
  v.payload_ = payload.kind_ == Kind::none ? nullptr : new Value(std::move(payload));
  v.kind_ = Kind::variant;
  v.small_ = case_index;
  return v;
}

Value Value::variant(std::uint32_t case_index) { return variant(case_index, Value{}); }

Value Value::flags(std::uint64_t bits) {
  Value v;
  v.kind_ = Kind::flags;
  v.bits_ = bits;
  return v;
}

Value Value::handle(Ref<HandleObject> object) {
  Value v;
  v.object_ = object.leak();
  v.kind_ = Kind::handle;
  return v;
}

bool Value::as_bool() const {
  CRANK_CHECK(kind_ == Kind::bool_, "a bool was asked of a ", name_of(kind_));
  return bits_ != 0;
}

std::uint64_t Value::bits() const {
  CRANK_CHECK((kind_ > Kind::none && kind_ <= Kind::char_) || kind_ == Kind::flags, "bits were asked of a ",
              name_of(kind_));
  return bits_;
}

std::int64_t Value::as_s64() const {
  CRANK_CHECK(kind_ >= Kind::s8 && kind_ <= Kind::u64, "an integer was asked of a ", name_of(kind_));
  return static_cast<std::int64_t>(bits_);
}

std::uint32_t Value::as_u32() const {
  CRANK_CHECK((kind_ >= Kind::s8 && kind_ <= Kind::u64) || kind_ == Kind::char_, "an integer was asked of a ",
              name_of(kind_));
  return static_cast<std::uint32_t>(bits_);
}

std::uint64_t Value::as_u64() const {
  CRANK_CHECK(kind_ >= Kind::s8 && kind_ <= Kind::u64, "an integer was asked of a ", name_of(kind_));
  return bits_;
}

float Value::as_f32() const {
  CRANK_CHECK(kind_ == Kind::f32, "an f32 was asked of a ", name_of(kind_));
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits_));
}

double Value::as_f64() const {
  CRANK_CHECK(kind_ == Kind::f64, "an f64 was asked of a ", name_of(kind_));
  return std::bit_cast<double>(bits_);
}

const std::string& Value::as_string() const {
  CRANK_CHECK(kind_ == Kind::string, "a string was asked of a ", name_of(kind_));
  return *string_;
}

StringOrigin Value::string_origin() const {
  CRANK_CHECK(kind_ == Kind::string, "a string was asked of a ", name_of(kind_));
  return static_cast<StringOrigin>(small_);
}

std::string Value::take_string() {
  CRANK_CHECK(kind_ == Kind::string, "a string was asked of a ", name_of(kind_));
  std::string text = std::move(*string_);
  clear();
  return text;
}

std::span<const std::byte> Value::packed_bytes() const {
  CRANK_CHECK(kind_ == Kind::packed, "a packed list was asked of a ", name_of(kind_));
  return *packed_;
}

std::vector<std::byte> Value::take_packed() {
  CRANK_CHECK(kind_ == Kind::packed, "a packed list was asked of a ", name_of(kind_));
  std::vector<std::byte> bytes = std::move(*packed_);
  clear();
  return bytes;
}

Value::Kind Value::element_kind() const {
  CRANK_CHECK(kind_ == Kind::packed, "a packed list was asked of a ", name_of(kind_));
  return element_kind_;
}

std::size_t Value::element_count() const {
  if (kind_ == Kind::packed) return packed_->size() / packed_size(element_kind_);
  return elements().size();
}

std::span<Value> Value::elements() {
  CRANK_CHECK(kind_ == Kind::list, "elements were asked of a ", name_of(kind_));
  return *list_;
}

std::span<const Value> Value::elements() const {
  CRANK_CHECK(kind_ == Kind::list, "elements were asked of a ", name_of(kind_));
  return *list_;
}

std::uint32_t Value::case_index() const {
  CRANK_CHECK(kind_ == Kind::variant, "a case was asked of a ", name_of(kind_));
  return small_;
}

Value& Value::payload() {
  CRANK_CHECK(kind_ == Kind::variant, "a case was asked of a ", name_of(kind_));
  if (!payload_) payload_ = new Value;
  return *payload_;
}

const Value& Value::payload() const {
  static const Value nothing;
  CRANK_CHECK(kind_ == Kind::variant, "a case was asked of a ", name_of(kind_));
  return payload_ ? *payload_ : nothing;
}

HandleObject* Value::as_handle() const {
  CRANK_CHECK(kind_ == Kind::handle, "a handle was asked of a ", name_of(kind_));
  return object_;
}

Ref<HandleObject> Value::take_handle() {
  CRANK_CHECK(kind_ == Kind::handle, "a handle was asked of a ", name_of(kind_));
  kind_ = Kind::none;
  return Ref<HandleObject>::adopt(object_);
}

Value Value::clone() const {
  switch (kind_) {
    case Kind::string: return string(*string_, string_origin());
    case Kind::packed: return packed(element_kind_, *packed_);
    case Kind::list: {
      std::vector<Value> copies;
      copies.reserve(list_->size());
      for (const Value& element : *list_) copies.push_back(element.clone());
      return list(std::move(copies));
    }
    case Kind::variant: return variant(small_, payload_ ? payload_->clone() : Value{});
    case Kind::handle: return handle(Ref<HandleObject>::retain(object_));
    default: {
      Value v;
      v.kind_ = kind_;
      v.bits_ = bits_;
      return v;
    }
  }
}

namespace {

// A list of numbers may be held packed or element by element; both mean the same.
Value packed_element(const Value& packed, std::size_t i) {
  std::size_t size = packed_size(packed.element_kind());
  std::uint64_t bits = 0;
  std::memcpy(&bits, packed.packed_bytes().data() + i * size, size);
  return Value::scalar(packed.element_kind(), bits);
}

bool equal_elements(const Value& packed, const Value& list) {
  if (packed.element_count() != list.element_count()) return false;
  for (std::size_t i = 0; i < list.element_count(); ++i)
    if (!(packed_element(packed, i) == list.elements()[i])) return false;
  return true;
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  using Kind = Value::Kind;
  if (a.kind_ != b.kind_) {
    if (a.kind_ == Kind::packed && b.kind_ == Kind::list) return equal_elements(a, b);
    if (a.kind_ == Kind::list && b.kind_ == Kind::packed) return equal_elements(b, a);
    return false;
  }
  switch (a.kind_) {
    case Kind::none: return true;
    case Kind::string: return *a.string_ == *b.string_;
    case Kind::packed: return *a.packed_ == *b.packed_ && (a.packed_->empty() || a.element_kind_ == b.element_kind_);
    case Kind::list: return *a.list_ == *b.list_;
    case Kind::variant: return a.small_ == b.small_ && a.payload() == b.payload();
    case Kind::handle: return a.object_ == b.object_;
    default: return a.bits_ == b.bits_;
  }
}

}  // namespace crank::component
