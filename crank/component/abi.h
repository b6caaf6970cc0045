// Lifting and lowering: how component-level values cross into and out of one linear memory. Engine-free: a side of a
// call is a LiftLowerContext (memory, realloc, string encoding, handles), so a byte buffer is enough to test it.
//
//     caller's core values --lift--> Value --lower--> callee's core values       may wait in between, on any thread
//     caller's core values ---------- copy ---------> callee's core values       both sides idle: no Value is made
//
// Which core values a function takes is fixed by its type (flatten_functype): up to 16 parameters flat (4 for an async
// lower), else one pointer to the parameter tuple; up to 1 result flat (16 at task.return, 0 for an async lower), else a
// pointer. Every function here answers with Code::trap and a sentence when the guest broke a rule, with Code::bad_type
// when a host value does not fit its type, and with Code::limit over 2^28-1 bytes; after any of them the guest's memory
// may hold part of a value. Sources: CanonicalABI.md, "Loading" to "Lifting and Lowering Values"; DESIGN C5, C6.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/program.h"
#include "crank/component/types.h"
#include "crank/component/value.h"

namespace crank::component {

inline constexpr std::uint32_t max_flat_params = 16;
inline constexpr std::uint32_t max_flat_async_params = 4;
inline constexpr std::uint32_t max_flat_results = 1;
inline constexpr std::uint32_t max_byte_length = (1u << 28) - 1;    ///< of one string or list
inline constexpr std::uint32_t max_buffer_length = (1u << 28) - 1;  ///< elements of one stream copy

/// A linear memory as it is now. Its base never moves; its size may have grown after any guest call.
struct MemoryView {
  std::byte* base = nullptr;
  std::uint64_t size = 0;
};

/// The canonopt `realloc` of one side: a nested call into the guest, with may_leave false (the implementor's work).
class Reallocator {
 public:
  virtual Result<std::uint32_t> reallocate(std::uint32_t old, std::uint32_t old_size, std::uint32_t alignment,
                                           std::uint32_t new_size) = 0;
  /// The memory, read anew; asked for after each reallocate.
  virtual MemoryView memory() = 0;

 protected:
  ~Reallocator() = default;
};

/// The handle table of one side for the length of one call; borrow scopes (task, subtask) are the implementor's.
/// Lifting takes an index out of the guest's hands (or, for borrow and error-context, leaves it there) and answers with
/// what it stood for; lowering puts an object into the table and answers with its index. Errors are traps.
class HandleAccess {
 public:
  virtual Result<Ref<HandleObject>> lift_own(TypeRef type, std::uint32_t index) = 0;
  virtual Result<Ref<HandleObject>> lift_borrow(TypeRef type, std::uint32_t index) = 0;
  virtual Result<Ref<HandleObject>> lift_stream(TypeRef type, std::uint32_t index) = 0;
  virtual Result<Ref<HandleObject>> lift_future(TypeRef type, std::uint32_t index) = 0;
  virtual Result<Ref<HandleObject>> lift_error_context(std::uint32_t index) = 0;
  virtual Result<std::uint32_t> lower_own(TypeRef type, Ref<HandleObject> object) = 0;
  virtual Result<std::uint32_t> lower_borrow(TypeRef type, Ref<HandleObject> object) = 0;
  virtual Result<std::uint32_t> lower_stream(TypeRef type, Ref<HandleObject> object) = 0;
  virtual Result<std::uint32_t> lower_future(TypeRef type, Ref<HandleObject> object) = 0;
  virtual Result<std::uint32_t> lower_error_context(Ref<HandleObject> object) = 0;

 protected:
  ~HandleAccess() = default;
};

/// One side of a call. Cheap to make on the stack for each call; pointers are borrowed. What the types at hand do not
/// need may stay empty; needing it then is a trap ("no memory", "no realloc"), never a crash.
struct LiftLowerContext {
  MemoryView memory{};
  StringEncoding encoding = StringEncoding::utf8;
  Reallocator* realloc = nullptr;
  HandleAccess* handles = nullptr;
  /// Host memory that lifting may still take: lists inside lists can name the same bytes many times over (DESIGN, C11).
  std::uint64_t budget = std::uint64_t{1} << 30;
};

/// A borrowed row of core values, `stride` bytes apart (8, or 16 for the engine's raw values). An i32 or f32 is the low
/// 32 bits; whatever lies above them is ignored when read and zero when written.
class Slots {
 public:
  Slots() = default;
  Slots(std::span<std::uint64_t> values) : Slots(values.data(), values.size(), 8) {}  // NOLINT: a view
  template <std::size_t N>
  Slots(std::uint64_t (&values)[N]) : Slots(values, N, 8) {}  // NOLINT: a view
  Slots(void* base, std::size_t count, std::size_t stride)
      : base_(static_cast<std::byte*>(base)),
        count_(static_cast<std::uint32_t>(count)),
        stride_(static_cast<std::uint32_t>(stride)) {}
  std::uint32_t count() const { return count_; }
  std::uint32_t i32(std::uint32_t i) const {
    std::uint32_t v;
    std::memcpy(&v, base_ + std::size_t{i} * stride_, 4);
    return v;
  }
  std::uint64_t i64(std::uint32_t i) const {
    std::uint64_t v;
    std::memcpy(&v, base_ + std::size_t{i} * stride_, 8);
    return v;
  }
  void set(std::uint32_t i, std::uint64_t bits) const { std::memcpy(base_ + std::size_t{i} * stride_, &bits, 8); }
  Slots from(std::uint32_t first) const { return {base_ + std::size_t{first} * stride_, count_ - first, stride_}; }
  /// Where they lie, with the lowest bit set for a stride of 16.
  std::uintptr_t tagged() const { return reinterpret_cast<std::uintptr_t>(base_) | (stride_ >> 4); }

 private:
  std::byte* base_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t stride_ = 8;
};

/// The core signature of `canon lift` or `canon lower` of a function type.
struct CoreSignature {
  std::array<CoreType, max_flat_params + 1> params{};
  std::uint8_t param_count = 0;
  std::uint8_t result_count = 0;  ///< 0 or 1
  CoreType result = CoreType::i32;
  bool params_in_memory = false;  ///< params[0] is a pointer to the parameter tuple
  bool result_in_memory = false;  ///< lift: the result is a pointer; lower: the last parameter is the out pointer
};
CoreSignature signature_of_lift(const FuncType& type, bool async_, bool callback);
CoreSignature signature_of_lower(const FuncType& type, bool async_);

// ---- A call, by host values -------------------------------------------------------------------------------------

/// `canon lower`, at start: the arguments a guest passes. `slots` are the core arguments it called with.
Result<std::vector<Value>> lift_parameters(LiftLowerContext& caller, const FuncType& type, bool async_lower,
                                           Slots slots);
/// `canon lift`, at start: writes the callee's core arguments and answers how many there are. Consumes handles.
Result<std::uint32_t> lower_parameters(LiftLowerContext& callee, const FuncType& type, std::span<Value> arguments,
                                       Slots out);
/// What a callee gave back: `max_flat` is 1 for a sync lift's core results, 16 for task.return. None without result.
Result<Value> lift_result(LiftLowerContext& callee, const FuncType& type, std::uint32_t max_flat, Slots slots);
/// Gives a result to the caller: flat into `out` (answers 1), or to memory at `out_pointer` (answers 0). `max_flat` is
/// 1 for a sync lower, 0 for an async one.
Result<std::uint32_t> lower_result(LiftLowerContext& caller, const FuncType& type, std::uint32_t max_flat,
                                   Value&& result, std::uint32_t out_pointer, Slots out);

// ---- A call, directly between two sides -------------------------------------------------------------------------
// The types are those of each side's Program (the same pointer within one root). Structure must be equal, which linking
// has established. Reads of the caller and writes to the callee interleave, so both must be idle throughout.

Result<std::uint32_t> copy_parameters(LiftLowerContext& caller, const FuncType& caller_type, bool async_lower,
                                      Slots slots, LiftLowerContext& callee, const FuncType& callee_type, Slots out);
Result<std::uint32_t> copy_result(LiftLowerContext& callee, const FuncType& callee_type, std::uint32_t callee_max_flat,
                                  Slots slots, LiftLowerContext& caller, const FuncType& caller_type,
                                  std::uint32_t caller_max_flat, std::uint32_t out_pointer, Slots out);
/// One value from memory to memory, e.g. a record holding strings: each string or numeric list is one realloc, one memcpy.
Result<void> copy_value(LiftLowerContext& from, std::uint32_t from_address, TypeRef from_type, LiftLowerContext& to,
                        std::uint32_t to_address, TypeRef to_type);

// ---- Single values ----------------------------------------------------------------------------------------------

Result<Value> load(LiftLowerContext& context, std::uint32_t address, TypeRef type);
Result<void> store(LiftLowerContext& context, Value&& value, std::uint32_t address, TypeRef type);
/// Reads as many slots as `type->flat` has; the type must not overflow.
Result<Value> lift_flat(LiftLowerContext& context, Slots slots, TypeRef type);
Result<void> lower_flat(LiftLowerContext& context, Value&& value, Slots out, TypeRef type);

// ---- Rows of elements: the buffers of streams and futures -------------------------------------------------------

/// What a stream or future copy checks when it is called: length limit, and alignment and bounds if there are elements.
Result<void> check_buffer(const LiftLowerContext& context, TypeRef element, std::uint32_t address, std::uint32_t count);
/// `count` elements as a packed or list Value (a list of nones for a null element).
Result<Value> load_elements(LiftLowerContext& context, std::uint32_t address, std::uint32_t count, TypeRef element);
/// Stores elements [first, first + count) of `elements`.
Result<void> store_elements(LiftLowerContext& context, Value& elements, std::uint32_t first, std::uint32_t count,
                            std::uint32_t address, TypeRef element);
/// Numbers go by one memcpy; the regions may overlap (one memory).
Result<void> copy_elements(LiftLowerContext& from, std::uint32_t from_address, TypeRef from_element,
                           LiftLowerContext& to, std::uint32_t to_address, TypeRef to_element, std::uint32_t count);

/// Two u32 side by side at `address`: how waitable-set.wait and poll answer. Traps when out of bounds or unaligned.
Result<void> store_pair(LiftLowerContext& context, std::uint32_t address, std::uint32_t first, std::uint32_t second);
/// A string in the guest's encoding, from a pointer and its tagged length (error-context.new).
Result<std::string> load_string(LiftLowerContext& context, std::uint32_t address, std::uint32_t tagged_length);
/// A string the host made, stored through realloc: its pointer and tagged length go to `address` (error-context.debug-message).
Result<void> store_string(LiftLowerContext& context, std::string_view text, std::uint32_t address);

/// Whether a host value may stand where `type` is asked for; the error says where inside it does not.
Result<void> check_value(const Value& value, TypeRef type);

}  // namespace crank::component
