#include "crank/component/abi.h"

#include "crank/component/abi_places.h"

namespace crank::component {

using detail::Failure;
using detail::FlatPlace;
using detail::MemoryPlace;

namespace {

bool params_in_memory(const FuncType& type, std::uint32_t max_flat) {
  return type.flat_params.overflow || type.flat_params.count > max_flat;
}

bool result_in_memory(const FuncType& type, std::uint32_t max_flat) {
  return type.result && (type.flat_result.overflow || type.flat_result.count > max_flat);
}

bool too_few_slots(Failure& failure, std::uint32_t have, std::uint32_t need) {
  return failure.set(Code::bad_argument, concat("a core call passes ", have, " values where its type has ", need));
}

// The values of a parameter list, wherever each stands: calls `each(place, field)`.
template <class Each>
bool each_flat(LiftLowerContext& side, Slots slots, const FuncType& type, Each each) {
  std::uint32_t flat = 0;
  for (const Field& field : type.params) {
    if (!each(FlatPlace{&side, slots.from(flat)}, field)) return false;
    flat += field.type->flat.count;
  }
  return true;
}
template <class Each>
bool each_in_memory(LiftLowerContext& side, std::uint32_t address, const FuncType& type, Each each) {
  for (const Field& field : type.params)
    if (!each(MemoryPlace{&side, address + field.offset}, field)) return false;
  return true;
}

bool check_params(Failure& failure, const LiftLowerContext& side, std::uint32_t address, const FuncType& type) {
  return detail::check_pointer(failure, side, address, type.params_size, type.params_alignment, "parameter");
}

bool check_result(Failure& failure, const LiftLowerContext& side, std::uint32_t address, const FuncType& type) {
  return detail::check_pointer(failure, side, address, type.result->size, type.result->alignment, "result");
}

template <class T>
Result<T> finish(bool done, Failure& failure, T&& value) {
  if (!done) [[unlikely]]
    return failure.unexpected();
  return std::forward<T>(value);
}
Result<void> finish(bool done, Failure& failure) {
  if (!done) [[unlikely]]
    return failure.unexpected();
  return {};
}

// The core arguments of the callee: flat in `out`, or in a block realloc gives. `give(place, index)` fills one.
template <class Give>
bool fill_parameters(Failure& failure, LiftLowerContext& callee, const FuncType& type, Slots out, std::uint32_t& count,
                     Give give) {
  std::size_t i = 0;
  auto each = [&](auto place, const Field& field) { return give(place, field, i++); };
  if (!params_in_memory(type, max_flat_params)) {
    count = type.flat_params.count;
    if (out.count() < count) return too_few_slots(failure, out.count(), count);
    return each_flat(callee, out, type, each);
  }
  std::uint32_t address = 0;
  count = 1;
  if (out.count() < 1) return too_few_slots(failure, out.count(), 1);
  if (!detail::reallocate(failure, callee, 0, 0, type.params_alignment, type.params_size, "parameter", address))
    return false;
  if (!each_in_memory(callee, address, type, each)) return false;
  out.set(0, address);
  return true;
}

}  // namespace

CoreSignature signature_of_lift(const FuncType& type, bool async_, bool callback) {
  CoreSignature s;
  s.params_in_memory = params_in_memory(type, max_flat_params);
  if (s.params_in_memory) {
    s.params[s.param_count++] = CoreType::i32;
  } else {
    for (CoreType t : type.flat_params.span()) s.params[s.param_count++] = t;
  }
  if (async_) {
    s.result_count = callback ? 1 : 0;
    return s;
  }
  s.result_in_memory = result_in_memory(type, max_flat_results);
  s.result_count = type.result && (s.result_in_memory || type.flat_result.count) ? 1 : 0;
  if (!s.result_in_memory && s.result_count) s.result = type.flat_result.types[0];
  return s;
}

CoreSignature signature_of_lower(const FuncType& type, bool async_) {
  CoreSignature s;
  s.params_in_memory = params_in_memory(type, async_ ? max_flat_async_params : max_flat_params);
  if (s.params_in_memory) {
    s.params[s.param_count++] = CoreType::i32;
  } else {
    for (CoreType t : type.flat_params.span()) s.params[s.param_count++] = t;
  }
  s.result_in_memory = result_in_memory(type, async_ ? 0 : max_flat_results);
  if (s.result_in_memory) s.params[s.param_count++] = CoreType::i32;
  s.result_count = async_ || (!s.result_in_memory && type.result && type.flat_result.count) ? 1 : 0;
  if (!async_ && s.result_count) s.result = type.flat_result.types[0];
  return s;
}

Result<std::vector<Value>> lift_parameters(LiftLowerContext& caller, const FuncType& type, bool async_lower,
                                           Slots slots) {
  Failure failure;
  std::vector<Value> values(type.params.size());
  std::size_t i = 0;
  auto each = [&](auto place, const Field& field) { return detail::lift(failure, place, field.type, values[i++]); };
  bool done;
  if (params_in_memory(type, async_lower ? max_flat_async_params : max_flat_params)) {
    if (slots.count() < 1) return too_few_slots(failure, slots.count(), 1), failure.unexpected();
    done = check_params(failure, caller, slots.i32(0), type) && each_in_memory(caller, slots.i32(0), type, each);
  } else {
    if (slots.count() < type.flat_params.count)
      return too_few_slots(failure, slots.count(), type.flat_params.count), failure.unexpected();
    done = each_flat(caller, slots, type, each);
  }
  return finish(done, failure, std::move(values));
}

Result<std::uint32_t> lower_parameters(LiftLowerContext& callee, const FuncType& type, std::span<Value> arguments,
                                       Slots out) {
  if (arguments.size() != type.params.size())
    return fail(Code::bad_type,
                concat(arguments.size(), " arguments were given to a function of ", type.params.size(), " parameters"));
  Failure failure;
  std::uint32_t count = 0;
  auto give = [&](auto place, const Field& field, std::size_t i) {
    return detail::lower(failure, place, arguments[i], field.type);
  };
  bool done = fill_parameters(failure, callee, type, out, count, give);
  return finish(done, failure, std::move(count));
}

Result<Value> lift_result(LiftLowerContext& callee, const FuncType& type, std::uint32_t max_flat, Slots slots) {
  Value value;
  if (!type.result) return value;
  Failure failure;
  bool done;
  if (result_in_memory(type, max_flat)) {
    if (slots.count() < 1) return too_few_slots(failure, slots.count(), 1), failure.unexpected();
    done = check_result(failure, callee, slots.i32(0), type) &&
           detail::lift(failure, MemoryPlace{&callee, slots.i32(0)}, type.result, value);
  } else {
    if (slots.count() < type.flat_result.count)
      return too_few_slots(failure, slots.count(), type.flat_result.count), failure.unexpected();
    done = detail::lift(failure, FlatPlace{&callee, slots}, type.result, value);
  }
  return finish(done, failure, std::move(value));
}

Result<std::uint32_t> lower_result(LiftLowerContext& caller, const FuncType& type, std::uint32_t max_flat,
                                   Value&& result, std::uint32_t out_pointer, Slots out) {
  if (!type.result) return 0;
  Failure failure;
  if (result_in_memory(type, max_flat)) {
    bool done = check_result(failure, caller, out_pointer, type) &&
                detail::lower(failure, MemoryPlace{&caller, out_pointer}, result, type.result);
    return finish(done, failure, std::uint32_t{0});
  }
  std::uint32_t count = type.flat_result.count;
  if (out.count() < count) return too_few_slots(failure, out.count(), count), failure.unexpected();
  bool done = detail::lower(failure, FlatPlace{&caller, out}, result, type.result);
  return finish(done, failure, std::move(count));
}

Result<std::uint32_t> copy_parameters(LiftLowerContext& caller, const FuncType& caller_type, bool async_lower,
                                      Slots slots, LiftLowerContext& callee, const FuncType& callee_type, Slots out) {
  Failure failure;
  bool in_memory = params_in_memory(caller_type, async_lower ? max_flat_async_params : max_flat_params);
  std::uint32_t need = in_memory ? 1 : caller_type.flat_params.count;
  if (slots.count() < need) return too_few_slots(failure, slots.count(), need), failure.unexpected();
  std::uint32_t address = in_memory ? slots.i32(0) : 0;
  if (in_memory && !check_params(failure, caller, address, caller_type)) return failure.unexpected();
  std::uint32_t count = 0, flat = 0;
  auto give = [&](auto place, const Field& field, std::size_t i) {
    const Field& source = caller_type.params[i];
    if (in_memory)
      return detail::copy(failure, MemoryPlace{&caller, address + source.offset}, source.type, place, field.type);
    FlatPlace from{&caller, slots.from(flat)};
    flat += source.type->flat.count;
    return detail::copy(failure, from, source.type, place, field.type);
  };
  bool done = fill_parameters(failure, callee, callee_type, out, count, give);
  return finish(done, failure, std::move(count));
}

Result<std::uint32_t> copy_result(LiftLowerContext& callee, const FuncType& callee_type, std::uint32_t callee_max_flat,
                                  Slots slots, LiftLowerContext& caller, const FuncType& caller_type,
                                  std::uint32_t caller_max_flat, std::uint32_t out_pointer, Slots out) {
  if (!callee_type.result) return 0;
  Failure failure;
  bool from_memory = result_in_memory(callee_type, callee_max_flat);
  bool to_memory = result_in_memory(caller_type, caller_max_flat);
  std::uint32_t need = from_memory ? 1 : callee_type.flat_result.count;
  std::uint32_t count = to_memory ? 0 : caller_type.flat_result.count;
  if (slots.count() < need) return too_few_slots(failure, slots.count(), need), failure.unexpected();
  if (out.count() < count) return too_few_slots(failure, out.count(), count), failure.unexpected();
  std::uint32_t address = from_memory ? slots.i32(0) : 0;
  // Lifting comes first, so its pointer is the first to be looked at.
  if (from_memory && !check_result(failure, callee, address, callee_type)) return failure.unexpected();
  if (to_memory && !check_result(failure, caller, out_pointer, caller_type)) return failure.unexpected();
  TypeRef from_type = callee_type.result, to_type = caller_type.result;
  MemoryPlace from_place{&callee, address}, to_place{&caller, out_pointer};
  FlatPlace from_slots{&callee, slots}, to_slots{&caller, out};
  bool done = from_memory ? (to_memory ? detail::copy(failure, from_place, from_type, to_place, to_type)
                                       : detail::copy(failure, from_place, from_type, to_slots, to_type))
                          : (to_memory ? detail::copy(failure, from_slots, from_type, to_place, to_type)
                                       : detail::copy(failure, from_slots, from_type, to_slots, to_type));
  return finish(done, failure, std::move(count));
}

Result<void> copy_value(LiftLowerContext& from, std::uint32_t from_address, TypeRef from_type, LiftLowerContext& to,
                        std::uint32_t to_address, TypeRef to_type) {
  Failure failure;
  bool done = detail::check_pointer(failure, from, from_address, from_type->size, from_type->alignment, "value") &&
              detail::check_pointer(failure, to, to_address, to_type->size, to_type->alignment, "value") &&
              detail::copy(failure, MemoryPlace{&from, from_address}, from_type, MemoryPlace{&to, to_address}, to_type);
  return finish(done, failure);
}

Result<Value> load(LiftLowerContext& context, std::uint32_t address, TypeRef type) {
  Failure failure;
  Value value;
  bool done = detail::check_pointer(failure, context, address, type->size, type->alignment, "value") &&
              detail::lift(failure, MemoryPlace{&context, address}, type, value);
  return finish(done, failure, std::move(value));
}

Result<void> store(LiftLowerContext& context, Value&& value, std::uint32_t address, TypeRef type) {
  Failure failure;
  bool done = detail::check_pointer(failure, context, address, type->size, type->alignment, "value") &&
              detail::lower(failure, MemoryPlace{&context, address}, value, type);
  return finish(done, failure);
}

Result<Value> lift_flat(LiftLowerContext& context, Slots slots, TypeRef type) {
  Failure failure;
  Value value;
  if (type->flat.overflow || slots.count() < type->flat.count)
    return too_few_slots(failure, slots.count(), type->flat.count), failure.unexpected();
  bool done = detail::lift(failure, FlatPlace{&context, slots}, type, value);
  return finish(done, failure, std::move(value));
}

Result<void> lower_flat(LiftLowerContext& context, Value&& value, Slots out, TypeRef type) {
  Failure failure;
  if (type->flat.overflow || out.count() < type->flat.count)
    return too_few_slots(failure, out.count(), type->flat.count), failure.unexpected();
  return finish(detail::lower(failure, FlatPlace{&context, out}, value, type), failure);
}

Result<void> check_buffer(const LiftLowerContext& context, TypeRef element, std::uint32_t address,
                          std::uint32_t count) {
  Failure failure;
  if (count > max_buffer_length)
    return failure.trap(concat("a copy of ", count, " elements is too long, the limit is ", max_buffer_length)),
           failure.unexpected();
  if (!element || count == 0) return {};
  return finish(detail::check_pointer(failure, context, address, std::uint64_t{count} * element->size,
                                      element->alignment, "buffer"),
                failure);
}

Result<Value> load_elements(LiftLowerContext& context, std::uint32_t address, std::uint32_t count, TypeRef element) {
  CRANK_TRY_VOID(check_buffer(context, element, address, count));
  Failure failure;
  if (!element) {
    if (!detail::spend(failure, context, std::uint64_t{count} * sizeof(Value))) return failure.unexpected();
    return Value::list(std::vector<Value>(count));
  }
  Value value;
  bool done = detail::lift_elements(failure, context, address, count, *element, value);
  return finish(done, failure, std::move(value));
}

Result<void> store_elements(LiftLowerContext& context, Value& elements, std::uint32_t first, std::uint32_t count,
                            std::uint32_t address, TypeRef element) {
  CRANK_TRY_VOID(check_buffer(context, element, address, count));
  if (!element) return {};
  using Kind = Value::Kind;
  if (elements.kind() != Kind::list && !(elements.kind() == Kind::packed && detail::is_number(element->kind)))
    return fail(Code::bad_type,
                concat("the elements of a stream were given as a ", name_of(elements.kind()), ", not as a list"));
  if (std::uint64_t{first} + count > elements.element_count())
    return fail(Code::bad_argument, concat("elements ", first, " to ", std::uint64_t{first} + count,
                                           " were asked of a list of ", elements.element_count()));
  Failure failure;
  return finish(detail::lower_elements(failure, context, elements, first, count, address, *element), failure);
}

Result<void> copy_elements(LiftLowerContext& from, std::uint32_t from_address, TypeRef from_element,
                           LiftLowerContext& to, std::uint32_t to_address, TypeRef to_element, std::uint32_t count) {
  CRANK_TRY_VOID(check_buffer(from, from_element, from_address, count));
  CRANK_TRY_VOID(check_buffer(to, to_element, to_address, count));
  if (!from_element) return {};
  Failure failure;
  return finish(
      detail::copy_range(failure, {&from, from_address}, *from_element, {&to, to_address}, *to_element, count),
      failure);
}

Result<void> store_pair(LiftLowerContext& context, std::uint32_t address, std::uint32_t first, std::uint32_t second) {
  Failure failure;
  if (!detail::check_pointer(failure, context, address, 8, 4, "event")) return failure.unexpected();
  MemoryPlace place{&context, address};
  place.set_word(0, first);
  place.set_word(1, second);
  return {};
}

Result<std::string> load_string(LiftLowerContext& context, std::uint32_t address, std::uint32_t tagged_length) {
  Failure failure;
  std::string text;
  StringOrigin origin{};
  bool done = detail::lift_string(failure, context, address, tagged_length, text, origin);
  return finish(done, failure, std::move(text));
}

Result<void> store_string(LiftLowerContext& context, std::string_view text, std::uint32_t address) {
  Failure failure;
  if (!detail::check_pointer(failure, context, address, 8, 4, "string")) return failure.unexpected();
  std::uint32_t begin = 0, length = 0;
  if (!detail::lower_string(failure, context, text, StringOrigin::utf8, begin, length)) return failure.unexpected();
  MemoryPlace place{&context, address};
  place.set_word(0, begin);
  place.set_word(1, length);
  return {};
}

}  // namespace crank::component
