// A component-level value held by the host, on no executor: what crosses between stores, and what host functions see.
// Values own everything inside them; dropping one drops the handles it carries (DESIGN, C5). Move-only, 16 bytes.
// Lists of numbers are one packed buffer in canonical little-endian layout, so that bytes move by memcpy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/types.h"

namespace crank::component {

/// Anything a handle value stands for (an own or borrowed resource, a stream or future end, an error-context) derives
/// from this; the last reference gone is the drop. Thread-safe reference counting; `dispose` runs on whichever thread
/// lets go last and may only enqueue.
class HandleObject {
 public:
  HandleObject() = default;
  HandleObject(const HandleObject&) = delete;
  HandleObject& operator=(const HandleObject&) = delete;
  void retain() noexcept;
  void release() noexcept;

 protected:
  virtual ~HandleObject() = default;
  virtual void dispose() noexcept { delete this; }

 private:
  std::uint32_t references_ = 1;  // accessed with std::atomic_ref
};

/// Owning pointer to a HandleObject (intrusive).
template <class T>
class Ref {
 public:
  Ref() = default;
  static Ref adopt(T* object) {
    Ref r;
    r.object_ = object;
    return r;
  }
  static Ref retain(T* object) {
    if (object) object->retain();
    return adopt(object);
  }
  Ref(const Ref& other) : object_(other.object_) {
    if (object_) object_->retain();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires std::convertible_to<U*, T*>
  Ref(Ref<U> other) noexcept : object_(other.leak()) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }
  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  T* leak() noexcept { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};
template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>::adopt(new T(std::forward<Args>(args)...));
}

/// The encoding a string had in the memory it was lifted from. Those the host made are checked when they are lowered.
enum class StringOrigin : std::uint8_t { host, utf8, utf16, latin1, tagged_utf16 };

class Value {
 public:
  enum class Kind : std::uint8_t {
    none,  ///< no value: an absent payload or result
    bool_,
    s8,
    u8,
    s16,
    u16,
    s32,
    u32,
    s64,
    u64,
    f32,
    f64,
    char_,
    string,   ///< always UTF-8 here
    packed,   ///< list of numbers: element kind and raw bytes
    list,     ///< list, fixed_list, record, tuple, map (pairs as tuples): values in order
    variant,  ///< variant, enum, option, result: case index and payload (none if absent)
    flags,    ///< bits in label order
    handle,   ///< own, borrow, stream, future, error-context
  };

  Value() noexcept = default;
  Value(Value&& other) noexcept
      : kind_(std::exchange(other.kind_, Kind::none)),
        element_kind_(other.element_kind_),
        small_(other.small_),
        bits_(other.bits_) {}
  Value& operator=(Value&& other) noexcept {
    if (this != &other) {
      if (kind_ >= Kind::string) clear();
      kind_ = std::exchange(other.kind_, Kind::none);
      element_kind_ = other.element_kind_, small_ = other.small_, bits_ = other.bits_;
    }
    return *this;
  }
  ~Value() {
    if (kind_ >= Kind::string) clear();
  }

  static Value boolean(bool);
  /// An integer, float or char of exactly `kind` (s8 … f64, char_), given by its bits.
  static Value scalar(Kind kind, std::uint64_t bits);
  /// The same for bits that already have the kind's form: masked, signed ones extended, bool 0 or 1.
  static Value exact(Kind kind, std::uint64_t bits) noexcept {
    Value v;
    v.kind_ = kind;
    v.bits_ = bits;
    return v;
  }
  static Value s32(std::int32_t), u8(std::uint8_t), u16(std::uint16_t), u32(std::uint32_t), s64(std::int64_t),
      u64(std::uint64_t), f32(float), f64(double), character(char32_t);
  static Value string(std::string text);
  /// A string that a guest held in `origin`: lowering it again asks for memory exactly as the specification says for
  /// that encoding (the tagged one counts as utf16 or latin1_utf16, by its tag).
  static Value string(std::string text, StringOrigin origin);
  /// `elements` holds whole elements of `kind` in little-endian layout.
  static Value packed(Kind kind, std::vector<std::byte> elements);
  static Value packed(Kind kind, std::span<const std::byte> elements);
  static Value bytes(std::span<const std::byte> bytes);
  static Value list(std::vector<Value> elements);
  static Value variant(std::uint32_t case_index, Value payload);
  static Value variant(std::uint32_t case_index);
  static Value none_option() { return variant(0); }
  static Value some(Value v) { return variant(1, std::move(v)); }
  static Value ok(Value v) { return variant(0, std::move(v)); }
  static Value ok() { return variant(0); }
  static Value error(Value v) { return variant(1, std::move(v)); }
  static Value error() { return variant(1); }
  static Value flags(std::uint64_t bits);
  static Value handle(Ref<HandleObject> object);

  Kind kind() const noexcept { return kind_; }
  bool as_bool() const;
  std::uint64_t bits() const;  ///< of any scalar or flags; signed ones sign-extended
  std::int64_t as_s64() const;
  std::uint32_t as_u32() const;
  std::uint64_t as_u64() const;
  float as_f32() const;
  double as_f64() const;
  const std::string& as_string() const;
  StringOrigin string_origin() const;
  std::string take_string();
  std::span<const std::byte> packed_bytes() const;
  std::vector<std::byte> take_packed();
  Kind element_kind() const;          ///< of packed
  std::size_t element_count() const;  ///< of packed or list
  std::span<Value> elements();
  std::span<const Value> elements() const;
  std::uint32_t case_index() const;
  Value& payload();
  const Value& payload() const;
  HandleObject* as_handle() const;
  Ref<HandleObject> take_handle();

  /// A deep copy; handles are retained (the caller knows whether that is allowed for what they stand for).
  Value clone() const;
  friend bool operator==(const Value&, const Value&);

 private:
  Kind kind_ = Kind::none;
  Kind element_kind_ = Kind::none;
  std::uint32_t small_ = 0;
  union {
    std::uint64_t bits_ = 0;
    std::string* string_;
    std::vector<std::byte>* packed_;
    std::vector<Value>* list_;
    Value* payload_;
    HandleObject* object_;
  };
  void clear() noexcept;
};
static_assert(sizeof(Value) == 16);

/// Bytes of one element of that kind in memory: 1, 2, 4 or 8; 0 for kinds that are not numbers.
constexpr std::size_t packed_size(Value::Kind kind) {
  using enum Value::Kind;
  switch (kind) {
    case s8:
    case u8: return 1;
    case s16:
    case u16: return 2;
    case s32:
    case u32:
    case f32: return 4;
    case s64:
    case u64:
    case f64: return 8;
    default: return 0;
  }
}
std::string_view name_of(Value::Kind kind) noexcept;

}  // namespace crank::component
