// error-context.new, debug-message and drop, and error contexts in values.
#include "crank/component/canon.h"
#include "crank/component/resource_object.h"
#include "crank/component/side.h"

namespace crank::component::detail {

using engine::RawVal;

namespace {

Result<> error_context_new(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  Side side(instance, e.options, nullptr, instance.group->top);
  CRANK_TRY(std::string text, load_string(side.context, v[0].u32, v[1].u32));
  CRANK_TRY(std::uint32_t index, side.lower_error_context(make_ref<ErrorContext>(std::move(text))));
  v[0].u64 = index;
  return {};
}

Result<> error_context_debug_message(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  CRANK_TRY(Entry * entry, instance.handles.get(v[0].u32, EntryKind::error_context));
  Side side(instance, e.options, nullptr, instance.group->top);
  // The guest's realloc may change the table: keep the object.
  Ref<HandleObject> kept = Ref<HandleObject>::retain(entry->object);
  auto stored = store_string(side.context, static_cast<ErrorContext&>(*kept).message, v[1].u32);
  if (!stored) return fail(std::move(stored).error());
  return {};
}

Result<> error_context_drop(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  CRANK_TRY(Entry * entry, instance.handles.get(v[0].u32, EntryKind::error_context));
  HandleObject* object = entry->object;
  instance.handles.remove(v[0].u32);
  object->release();
  return {};
}

}  // namespace

CanonFunction canon_error_context(const LowerState& env) {
  switch (env.spec->op) {
    case Builtin::error_context_new: return {.plain = plain_trampoline<error_context_new>};
    case Builtin::error_context_debug_message: return {.plain = plain_trampoline<error_context_debug_message>};
    case Builtin::error_context_drop: return {.plain = plain_trampoline<error_context_drop>};
    default: return {};
  }
}

Result<Ref<HandleObject>> Side::lift_error_context(std::uint32_t index) {
  CRANK_TRY(Entry * entry, instance_.handles.get(index, EntryKind::error_context));
  return Ref<HandleObject>::retain(entry->object);
}

Result<std::uint32_t> Side::lower_error_context(Ref<HandleObject> object) {
  if (!dynamic_cast<ErrorContext*>(object.get()))
    return fail(Code::bad_type, "a value was passed as an error-context that is none");
  Entry entry;
  entry.kind = EntryKind::error_context;
  entry.object = object.leak();
  auto added = instance_.handles.add(entry);
  if (!added) entry.object->release();
  return added;
}

}  // namespace crank::component::detail
